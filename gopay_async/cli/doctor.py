"""What would go wrong in a receiver, found before it does.  Knows no command line."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
from attrs import frozen

from ..credentials import Environment
from ..errors import ConfigurationError, GoPayError, Unauthenticated
from ..keys import load_private_key, load_public_key
from ..operation import Family
from ..webhooks import SourceCheck
from ..webhooks.addresses import PUBLISHED
from ..webhooks.typed import kind_of

_SKEW: Final = timedelta(seconds=30)
_SECONDS: Final = 10.0


@frozen
class Finding:
    """One thing that was looked at, and what to do about it."""

    good: bool
    what: str
    advice: str = ""


async def examine(
    *,
    notification_key: str,
    private_key: str,
    public_key: str,
    path: str,
    environment: str,
    source: str,
    url: str,
    offline: bool,
) -> list[Finding]:
    """Return all findings; raise nothing."""
    found = [*_keys(notification_key, private_key, public_key), _path(path), *_source(source)]
    if not offline:
        found += [one async for one in _hosts(environment, url)]
    return found


def _keys(notification_key: str, private_key: str, public_key: str) -> Iterator[Finding]:
    try:
        trusted = load_public_key(notification_key)
        yield Finding(True, f"the provider's public key parses: {trusted.key_size} bits")
    except GoPayError as error:
        trusted = None
        yield Finding(False, f"the provider's public key: {error}", "Copy it from the dashboard: Settings > Payments.")
    if private_key:
        yield from _own_keys(private_key, public_key)
    if trusted is not None and private_key and _is_own(trusted.public_numbers(), private_key):
        advice = "GOPAY_NOTIFICATION_KEY must be the provider's key, not your own public key."
        yield Finding(False, "the notification key is the merchant's own", advice)


def _own_keys(private_key: str, public_key: str) -> Iterator[Finding]:
    try:
        own = load_private_key(private_key)
        yield Finding(True, f"the merchant's private key parses: {own.key_size} bits")
        if public_key:
            fits = load_public_key(public_key).public_numbers() == own.public_key().public_numbers()
            advice = "" if fits else "Register the public key that belongs to GOPAY_PRIVATE_KEY."
            yield Finding(fits, f"private and public key {'belong' if fits else 'do not belong'} together", advice)
    except GoPayError as error:
        yield Finding(False, f"the merchant's key: {error}", "Export it again as PEM.")


def _is_own(numbers: object, private_key: str) -> bool:
    try:
        return load_private_key(private_key).public_key().public_numbers() == numbers
    except GoPayError:
        return False


def _path(path: str) -> Finding:
    kind = kind_of(path)
    if kind is None or not path.startswith("/"):
        advice = "The pages name /v1.0/debit/notify, /v1.0/qr/qr-mpm-notify and /v1.0/registration-account/notify."
        return Finding(False, f"the signed path {path} is no page's", advice)
    return Finding(True, f"the signed path {path} is that of {kind.__name__}")


def _source(source: str) -> Iterator[Finding]:
    if not source:
        return
    names = [name for name in PUBLISHED if _is_listed(name, source)]
    if names:
        yield Finding(True, f"{source} is on the list of {', '.join(names)}")
        return
    advice = "Is it a proxy's? Then name it among the trusted proxies. The signature decides, not the address."
    yield Finding(False, f"{source} is on no published list", advice)


def _is_listed(environment: str, source: str) -> bool:
    try:
        SourceCheck(environment).check({"client": (source, 0), "headers": []})
    except Unauthenticated:
        return False
    return True


async def _hosts(environment: str, url: str) -> AsyncIterator[Finding]:
    try:
        host = url or _environment(environment).base(Family.SNAP)
    except ConfigurationError as error:
        yield Finding(False, str(error), "Choose sandbox, staging or production.")
        return
    try:
        theirs = await _date(host)
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        advice = "Are DNS and the way out open? Production wants your address registered with the provider."
        yield Finding(False, f"{host} gave no time: {type(error).__name__}", advice)
        return
    yield Finding(True, f"{host} answers")
    skew = datetime.now(UTC) - theirs
    late = abs(skew) > _SKEW
    advice = "Synchronise the clock (NTP): signatures are judged by their time." if late else ""
    yield Finding(not late, f"this clock differs by {skew.total_seconds():.0f} s", advice)


def _environment(name: str) -> Environment:
    known = {"sandbox": Environment.SANDBOX, "staging": Environment.STAGING, "production": Environment.PRODUCTION}
    if name.lower() not in known:
        raise ConfigurationError(f"there is no environment {name!r}")
    return known[name.lower()]


async def _date(host: str) -> datetime:
    async with asyncio.timeout(_SECONDS), aiohttp.request("HEAD", host, allow_redirects=False) as answer:
        return parsedate_to_datetime(answer.headers.get("Date", ""))
