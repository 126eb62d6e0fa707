"""Commands for whoever runs a receiver: verify, explain, trigger, doctor.  Knows no server."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, NoReturn

import aiohttp
import typer
from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from yarl import URL

from ..errors import ConfigurationError, GoPayError, WebhookError
from ..keys import load_private_key
from ..models import Money
from ..simulator.hosts import is_loopback
from ..webhooks import NotificationVerifier, PayoutVerifier, Verifier, sign_notification, sign_payout
from ..webhooks.explanation import Explanation
from ..webhooks.headers import moment
from ..webhooks.samples import PAYOUT_PATH, SAMPLES, sample
from .doctor import examine

app: Final = typer.Typer(add_completion=False)

Captured = Annotated[Path, typer.Argument(help="A captured request: request line, headers, an empty line, the body.")]
Key = Annotated[str, typer.Option("--key", envvar="GOPAY_NOTIFICATION_KEY", help="The provider's public key.")]
Iris = Annotated[str, typer.Option("--iris-key", envvar="GOPAY_IRIS_KEY", help="The merchant key for payouts.")]
SignedPath = Annotated[str, typer.Option("--path", help="The path that the provider signs.")]


@frozen
class Request:
    """One captured request."""

    method: str
    route: str
    headers: list[tuple[str, str]]
    body: bytes


@app.command()
def verify(file: Captured, key: Key = "", iris_key: Iris = "", path: SignedPath = "/v1.0/debit/notify") -> None:
    """Say whether a captured request is genuine; its age is not judged.  Exit code 1 when it is not."""
    request, verifier = _opened(file, key, iris_key, path)
    try:
        found = verifier.verify(
            headers=request.headers, body=request.body, method=request.method, now=_signed_at(request)
        )
    except WebhookError as error:
        _fail(f"refused: {error}", 1)
    typer.echo(f"genuine: {type(found).__name__}, signed for {found.path}, key {found.key}")


@app.command()
def explain(file: Captured, key: Key = "", iris_key: Iris = "", path: SignedPath = "/v1.0/debit/notify") -> None:
    """Say what would have verified a captured request: which path, which form of the body, which key."""
    request, verifier = _opened(file, key, iris_key, path)
    found = verifier.explain(
        headers=request.headers,
        body=request.body,
        method=request.method,
        now=_signed_at(request),
        route=request.route,
    )
    for line in _lines(found):
        typer.echo(line)
    raise typer.Exit(0 if found.accepted else 1)


@app.command()
def trigger(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(SAMPLES)}.")],
    *,
    to: Annotated[str, typer.Option(help="Where the receiver is registered, on this machine.")],
    private_key: Annotated[Path, typer.Option(help="The test key that signs; made when it is not there.")] = Path(
        "gopay-test-key.pem"
    ),
    iris_key: Iris = "iris-key-for-tests",
    reference_no: Annotated[str, typer.Option(help="The order's number at the provider.")] = "GOPAY-REFERENCE",
    amount: Annotated[int, typer.Option(help="Rupiah.")] = 10_000,
) -> None:
    """Send a really signed notification, made with a test key, to a receiver on this machine."""
    url = URL(to)
    if url.scheme not in ("http", "https") or not is_loopback(url.host or ""):
        _fail("test notifications go to this machine only, for example --to http://127.0.0.1:8000/gopay", 2)
    try:
        path, body = sample(name, reference_no=reference_no, amount=Money(amount))
        headers = sign_payout(body, iris_key) if path == PAYOUT_PATH else _signed(body, path, private_key)
        status, said = asyncio.run(_post(to.rstrip("/") + path, headers, body))
    except (GoPayError, aiohttp.ClientError, OSError) as error:
        _fail(f"not delivered: {error}", 2)
    typer.echo(f"{name} to {to.rstrip('/')}{path}: HTTP {status} {said}")
    raise typer.Exit(0 if status == 200 else 1)


@app.command()
def doctor(
    *,
    key: Key = "",
    private_key: Annotated[str, typer.Option(envvar="GOPAY_PRIVATE_KEY", help="The merchant's private key.")] = "",
    public_key: Annotated[str, typer.Option(help="The merchant's public key, as registered.")] = "",
    path: SignedPath = "/v1.0/debit/notify",
    environment: Annotated[str, typer.Option(help="sandbox, staging or production.")] = "sandbox",
    source: Annotated[str, typer.Option(help="An address that notifications came from.")] = "",
    url: Annotated[str, typer.Option(help="A host to ask for the time instead of the environment's.")] = "",
    offline: Annotated[bool, typer.Option("--offline", help="Ask no host.")] = False,
) -> None:
    """Look for what would go wrong: keys, signed path, clock, hosts, source address.  Exit code 1 for a finding."""
    findings = asyncio.run(
        examine(
            notification_key=key,
            private_key=private_key,
            public_key=public_key,
            path=path,
            environment=environment,
            source=source,
            url=url,
            offline=offline,
        )
    )
    for one in findings:
        typer.echo(f"{'ok  ' if one.good else 'BAD '} {one.what}")
        if one.advice:
            typer.echo(f"     {one.advice}")
    raise typer.Exit(0 if all(one.good for one in findings) else 1)


def read_request(file: Path) -> Request:
    """Return the captured request in *file*; raise ConfigurationError for something else.

    Lines may end with CR LF or LF; the body is taken byte by byte.
    """
    raw = file.read_bytes()
    separator = b"\r\n\r\n" if b"\r\n\r\n" in raw else b"\n\n"
    head, found, body = raw.partition(separator)
    first, *lines = head.decode("latin-1").splitlines() or [""]
    parts = first.split()
    if not found or len(parts) < 2:
        raise ConfigurationError("not a captured request: it begins with 'POST /path', then headers, an empty line")
    headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Request(parts[0], parts[1].partition("?")[0], headers, body)


def _opened(file: Path, key: str, iris_key: str, path: str) -> tuple[Request, Verifier]:
    try:
        request = read_request(file)
        if any(name.lower() == "iris-signature" for name, _ in request.headers):
            return request, PayoutVerifier(iris_key)
        return request, NotificationVerifier(key, path=path)
    except (ConfigurationError, OSError) as error:
        _fail(str(error), 2)


def _signed_at(request: Request) -> datetime:
    """Return X-TIMESTAMP, so that the age of a captured request is not judged; the present where it cannot be read."""
    text = next((value for name, value in request.headers if name.lower() == "x-timestamp"), "")
    try:
        return moment(text)
    except WebhookError:
        return datetime.now(UTC)


def _lines(found: Explanation) -> list[str]:
    facts = [
        ("result", "it verifies" if found.accepted else f"{found.reason}: {found.detail}"),
        ("SHA-256 as received", found.digest),
        ("SHA-256 minified", found.digest_minified),
        ("string to sign", found.string_to_sign),
        *(("verifies with", str(one)) for one in found.candidates),
        ("what to do", found.advice),
    ]
    return [f"{name + ':':22}{value}" for name, value in facts if value]


def _signed(body: bytes, path: str, file: Path) -> dict[str, str]:
    if not file.exists():
        _make_key(file)
    return sign_notification(body, load_private_key(file), path=path)


def _make_key(file: Path) -> None:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = file.with_suffix(".pub")
    file.touch(mode=0o600)
    file.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    typer.echo(f"made a test key; let your receiver trust it: GOPAY_NOTIFICATION_KEY={public}")


async def _post(url: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
    timeout = aiohttp.ClientTimeout(total=15)
    async with aiohttp.request(
        "POST", URL(url, encoded=True), headers=headers, data=body, timeout=timeout, allow_redirects=False
    ) as answer:
        return answer.status, (await answer.text("utf-8", "replace"))[:500]


def _fail(text: str, code: int) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(code)
