"""What a client needs to know of a simulator: environment variables, key files.  Starts nothing."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import fields
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ..credentials import Credentials
from ..errors import ConfigurationError
from ..keys import load_private_key
from .simulator import Simulator

_MERCHANT: Final = "merchant.pem"
_PROVIDER: Final = "provider.pem"
_PUBLIC: Final = "notification.pem"
_VALUES: Final = "credentials.env"


def variables(simulator: Simulator, url: str) -> dict[str, str]:
    """Return the environment variables of a client of *simulator* at *url*; keys on one line."""
    own = simulator.credentials
    names = [one.name for one in fields(Credentials) if one.name != "private_key"]
    found = {f"GOPAY_{name.upper()}": getattr(own, name) for name in names}
    assert own.private_key is not None  # the simulator completes the credentials it is given
    return {
        "GOPAY_URL": url,
        **{name: value for name, value in found.items() if value},
        "GOPAY_PRIVATE_KEY": _one_line(private_pem(own.private_key)),
        "GOPAY_NOTIFICATION_KEY": _one_line(public_pem(simulator)),
        "GOPAY_IRIS_KEY": simulator.iris_key,
    }


def with_files(found: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return *found* with both keys as names of files, written to *folder* for its owner alone."""
    private, public = folder / _MERCHANT, folder / _PUBLIC
    _write(private, found["GOPAY_PRIVATE_KEY"].replace("\\n", "\n"))
    _write(public, found["GOPAY_NOTIFICATION_KEY"].replace("\\n", "\n"))
    return {**found, "GOPAY_PRIVATE_KEY": str(private), "GOPAY_NOTIFICATION_KEY": str(public)}


def as_shell(found: Mapping[str, str]) -> str:
    """Return lines to paste into a shell."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in found.items())


def private_pem(key: RSAPrivateKey) -> str:
    """Return *key* as PKCS#8 PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(simulator: Simulator) -> str:
    """Return the key that verifies notifications, as PEM."""
    return simulator.notification_public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def kept(folder: Path) -> dict[str, Any]:
    """Return what a simulator was started with in *folder* before, as arguments of `Simulator`; empty at first."""
    if not (folder / _VALUES).exists():
        return {}
    lines = (folder / _VALUES).read_text(encoding="utf-8").splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    return {
        "credentials": Credentials.from_env({**found, "GOPAY_PRIVATE_KEY": str(folder / _MERCHANT)}),
        "notification_key": load_private_key(folder / _PROVIDER),
        "iris_key": found["GOPAY_IRIS_KEY"],
    }


def keep(simulator: Simulator, folder: Path) -> None:
    """Keep credentials and keys in *folder*, for its owner alone; raise ConfigurationError for a folder of others."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix" and folder.stat().st_uid != os.getuid():
        raise ConfigurationError(f"{folder} belongs to somebody else: keys are not kept there")
    found = with_files(variables(simulator, ""), folder)
    plain = {name: value for name, value in found.items() if not name.endswith("_KEY") or name in _PLAIN}
    _write(folder / _PROVIDER, private_pem(simulator.notification_key))
    # Whole, so that a program started anywhere can be pointed at the file.
    plain["GOPAY_PRIVATE_KEY"] = str((folder / _MERCHANT).resolve())
    _write(folder / _VALUES, "".join(f"{name}={value}\n" for name, value in plain.items() if name != "GOPAY_URL"))


_PLAIN: Final = frozenset({"GOPAY_IRIS_KEY", "GOPAY_SERVER_KEY"})


def _one_line(pem: str) -> str:
    return pem.strip().replace("\n", "\\n")


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
