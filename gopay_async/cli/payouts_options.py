"""What the options of the payout commands mean: whose money, from where, how fast.  Sends nothing."""

import os
import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from attrs import frozen

from .. import Credentials, Environment, GoPaySession
from ..api import QueryTopUp, QueryTransfer
from ..errors import ConfigurationError, InvalidInput
from ..payouts import Account, Settings
from ..transport import AiohttpTransport

_NAMES: Final = {
    "sandbox": Environment.SANDBOX,
    "staging": Environment.STAGING,
    "production": Environment.PRODUCTION,
}


class Contract(StrEnum):
    """Which inquiry settles an unknown outcome; neither is confirmed against the live service."""

    TRANSFER = "36"
    TOP_UP = "39"


@frozen(kw_only=True)
class Connection:
    """Whose money it is, and where."""

    credentials: Credentials
    environment: Environment
    #: The file that holds the credentials; None: the environment did.
    file: Path | None = None

    @property
    def account(self) -> Account:
        """Whose references they are."""
        return Account(self.environment.name, str(self.credentials.client_id))

    def __str__(self) -> str:
        return f"{self.account.client_id} in {self.account.environment}"

    def session(self, concurrency: int) -> GoPaySession:
        """Return a session for so many requests at once."""
        return GoPaySession(self.credentials, self.environment, transport=AiohttpTransport(connections=concurrency + 1))

    @property
    def options(self) -> list[str]:
        """The options of the command line that make it again."""
        name = next((name for name, one in _NAMES.items() if one == self.environment), self.environment.name)
        return ["--environment", name, *(["--credentials", str(self.file)] if self.file else [])]


def connection_of(environment: str, credentials: Path | None) -> Connection:
    """Return where the money is sent from.  Secrets come from a file or from the environment, never from arguments."""
    found = dict(os.environ) if credentials is None else _read_settings(credentials)
    where = _NAMES.get(environment.lower()) or _simulated(environment)
    try:
        who = Credentials.from_env(found)
    except ConfigurationError as error:
        place = f"in {credentials}" if credentials else "or give --credentials FILE, which holds them as NAME=value"
        raise ConfigurationError(f"{error}, {place}") from error
    return Connection(credentials=who, environment=where, file=credentials)


def _simulated(environment: str) -> Environment:
    # The provider by its address would be another environment to the ledger, with references of its own.
    if not environment.lower().startswith("http://"):
        rule = "is none of sandbox, staging, production, nor the http address of a simulator on this machine"
        raise InvalidInput("--environment", f"{environment!r} {rule}")
    return Environment.at(environment)


def _read_settings(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {type(error).__name__}") from None
    pairs = (line.removeprefix("export ").partition("=") for line in map(str.strip, lines) if line[:1] not in ("", "#"))
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}


def settings_of(concurrency: int, rate: float | None, wait: str, inquiry: Contract) -> Settings:
    """Return the settings of a run."""
    contract = QueryTopUp if inquiry is Contract.TOP_UP else QueryTransfer
    return Settings(concurrency=concurrency, rate=rate, wait=_duration(wait), contract=contract)


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})(s|m|h|d)?", text, re.ASCII)
    if not found or not (found[2] or found[1] == "0"):
        raise InvalidInput("--wait", f"{text!r} is no duration: write 90s, 15m, 2h, or 0")
    return int(found[1]) * timedelta(seconds={"s": 1, "m": 60, "h": 3_600, "d": 86_400}[found[2] or "s"])
