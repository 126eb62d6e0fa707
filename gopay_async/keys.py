"""RSA keys from every shape people keep them in.  Does not know what is signed, and never shows what it was given."""

import os
import re
from base64 import b64decode, encodebytes
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
)
from cryptography.x509 import InvalidVersion, load_der_x509_certificate

from .errors import InvalidKey

PrivateKeySource = str | bytes | os.PathLike[str] | RSAPrivateKey
PublicKeySource = str | bytes | os.PathLike[str] | RSAPublicKey

_Key = TypeVar("_Key", RSAPrivateKey, RSAPublicKey)

# BI-SNAP's documented minimum; the provider's second sample key, of 512 bits, must not pass.
_MINIMUM_BITS = 2048
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, InvalidVersion)

_ESCAPED_BREAK = re.compile(rb"\\+[nrt]")
_ARMOUR = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_CIPHER = re.compile(rb"\s*Proc-Type:\s*4,\s*ENCRYPTED\s+DEK-Info:\s*([A-Z0-9-]+,[0-9A-Fa-f]+)\s")
_BINARY = re.compile(rb"[^\t\n\r -~]")
# No encoding of a key has a dot in it: what ends in a suffix is a file name, and safe to show.
_FILE_NAME = re.compile(r"(?!.*BEGIN)[\w ./\\:~-]{1,200}\.[A-Za-z0-9]{2,4}")

_EMPTY = "there is no key: check that the variable or file it should come from is set"
_NO_KEY = "the key is neither PEM nor base64 nor DER, nor the name of an existing file"
_CUT_OFF = "the key is cut off: give all of it, in a variable as one line with \\n for the line breaks"
_DAMAGED = "the key is damaged or in an unsupported format: export it again as PEM"
_OPENSSH = (
    "the key is in OpenSSH format: convert a copy, private with `ssh-keygen -p -m PKCS8 -f FILE`, "
    "public with `ssh-keygen -e -m PKCS8 -f FILE`"
)
_PUBLIC_GIVEN = "this is a public key or certificate: give the merchant's own private key here"
_PRIVATE_GIVEN = "this is a private key: give the public key here, for the provider the one that its dashboard shows"
_ENCRYPTED = "the private key is encrypted: give its password too"
_NOT_OPENED = "the private key does not open: the password is wrong, or the encryption is damaged or unsupported"


def load_private_key(source: PrivateKeySource, *, password: str | bytes | None = None) -> RSAPrivateKey:
    """Return the RSA private key that *source* holds, names or is; InvalidKey says what is wrong with it.

    *password* is used only where the key turns out to be encrypted. Checking a key takes about 30 ms: load it once.
    """
    try:
        return _private(source, password)
    except InvalidKey as error:
        problem = str(error)
    # Raised from here with the names gone: no context, and no frame of ours that shows the key to a crash reporter.
    del source, password
    raise InvalidKey(problem)


def load_public_key(source: PublicKeySource) -> RSAPublicKey:
    """Return the RSA public key that *source* holds, names or is, also that of an X.509 certificate.

    The dates and the issuer of a certificate are not looked at: it only carries the key.
    """
    try:
        return _public(source)
    except InvalidKey as error:
        problem = str(error)
    del source
    raise InvalidKey(problem)


def _private(source: object, password: str | bytes | None) -> RSAPrivateKey:
    key = source
    if not isinstance(source, RSAPrivateKey):
        key = _opened(_chosen(_blocks(_content(source)), b"PRIVATE KEY"), password)
    if not isinstance(key, RSAPrivateKey):
        raise InvalidKey(_not_rsa(key))
    return _strong(key)


def _public(source: object) -> RSAPublicKey:
    key = source
    if not isinstance(source, RSAPublicKey):
        key = _read_public(_chosen(_blocks(_content(source)), b"PUBLIC KEY", b"CERTIFICATE"))
    if not isinstance(key, RSAPublicKey):
        raise InvalidKey(_not_rsa(key))
    return _strong(key)


def _not_rsa(key: object) -> str:
    return f"only RSA keys are of use here, not {type(key).__name__}: give an RSA key of {_MINIMUM_BITS} bits or more"


def _strong(key: _Key) -> _Key:
    if key.key_size < _MINIMUM_BITS:
        raise InvalidKey(f"the key has {key.key_size} bits and needs {_MINIMUM_BITS} or more: create a new pair")
    return key


def _content(source: object) -> bytes:
    """Return what was given, or what the file holds that was named."""
    if isinstance(source, bytes):
        return source
    if isinstance(source, str):
        path = source.strip(" \t\r\n\"'`")
        # A key is too long for the name of a file, for which Path.is_file raises.
        is_file = os.path.isfile(path)  # noqa: PTH113
        return _file(path) if is_file else source.encode("utf-8", "replace")
    if isinstance(source, os.PathLike):
        return _file(os.fspath(source))
    if isinstance(source, RSAPrivateKey):
        raise InvalidKey(_PRIVATE_GIVEN)
    if isinstance(source, RSAPublicKey):
        raise InvalidKey(_PUBLIC_GIVEN)
    raise InvalidKey(f"a key is text, bytes, a path or a loaded RSA key, not {type(source).__name__}")


def _file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror
    except ValueError:
        reason = "no file can have this name"
    shown = f" {path!r}" if _FILE_NAME.fullmatch(path) else ""
    raise InvalidKey(f"the key file{shown} cannot be read: {reason}")


def _blocks(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return label and DER of everything that looks like a key; the label of bare DER is empty."""
    if content.startswith(b"\x30") and _BINARY.search(content):
        return [(b"", _whole(content, _NO_KEY))]
    text = _ESCAPED_BREAK.sub(b"\n", content.removeprefix(b"\xef\xbb\xbf")).translate(None, b"\"'`\\").strip()
    if not text:
        raise InvalidKey(_EMPTY)
    if b"BEGIN OPENSSH" in text or text.startswith(b"ssh-"):
        raise InvalidKey(_OPENSSH)
    if b"-----BEGIN" not in text:
        decoded = _decoded(text, _NO_KEY)
        return _blocks(decoded) if b"-----BEGIN" in decoded else [(b"", _whole(decoded, _NO_KEY))]
    blocks = [(label, _unarmoured(body)) for label, body in _ARMOUR.findall(text)]
    if not blocks:
        raise InvalidKey(_CUT_OFF)
    return blocks


def _unarmoured(body: bytes) -> bytes:
    """Return the DER of a PEM body; with a cipher header it is only readable as PEM, and comes back as a tidy one."""
    cipher = _CIPHER.match(body)
    if cipher is None:
        return _whole(_decoded(body, _DAMAGED), _DAMAGED)
    lines = encodebytes(_decoded(body[cipher.end() :], _DAMAGED))
    header = b"Proc-Type: 4,ENCRYPTED\nDEK-Info: %b\n\n" % cipher[1]
    return b"-----BEGIN RSA PRIVATE KEY-----\n%b%b-----END RSA PRIVATE KEY-----\n" % (header, lines)


def _decoded(text: bytes, problem: str) -> bytes:
    compact = b"".join(text.split())
    if len(compact) % 4 == 1:
        # One character alone carries no byte: the text was cut there, and the length in the DER will tell.
        compact = compact[:-1]
    try:
        return b64decode(compact + b"=" * (-len(compact) % 4), validate=True)
    except ValueError:
        raise InvalidKey(problem) from None


def _whole(der: bytes, problem: str) -> bytes:
    """Return *der* without what follows it, such as the line break of an editor."""
    if not der.startswith(b"\x30"):
        raise InvalidKey(problem)
    first = int.from_bytes(der[1:2])
    octets = first & 0x7F if first & 0x80 else 0
    size = 2 + octets + (int.from_bytes(der[2 : 2 + octets]) if octets else first)
    if size > len(der):
        raise InvalidKey(_CUT_OFF)
    return der[:size]


def _chosen(blocks: list[tuple[bytes, bytes]], *labels: bytes) -> bytes:
    """Return the first block of these *labels*, of a bundle with a certificate for instance, else the first of all."""
    return next((data for label, data in blocks if label.endswith(labels)), blocks[0][1])


def _opened(data: bytes, password: str | bytes | None) -> object:
    load = _private_loader(data)
    try:
        return load(data, None)
    except TypeError:
        # That is how cryptography says that the key is encrypted.
        secret = password.encode("utf-8", "surrogatepass") if isinstance(password, str) else password
    except _UNREADABLE:
        raise InvalidKey(_PUBLIC_GIVEN if _public_in(data) else _DAMAGED) from None
    if not secret:
        raise InvalidKey(_ENCRYPTED)
    try:
        return load(data, secret)
    except _UNREADABLE:
        raise InvalidKey(_NOT_OPENED) from None


def _read_public(data: bytes) -> object:
    found = _public_in(data)
    if found is None:
        raise InvalidKey(_PRIVATE_GIVEN if _is_private(data) else _DAMAGED)
    return found


def _public_in(data: bytes) -> object | None:
    for load in (load_der_public_key, _certified):
        try:
            return load(data)
        except _UNREADABLE:
            continue
    return None


def _certified(der: bytes) -> object:
    return load_der_x509_certificate(der).public_key()


def _is_private(data: bytes) -> bool:
    try:
        _private_loader(data)(data, None)
    except TypeError:
        return True
    except _UNREADABLE:
        return False
    return True


def _private_loader(data: bytes) -> Callable[[bytes, bytes | None], object]:
    return load_pem_private_key if data.startswith(b"-----") else load_der_private_key
