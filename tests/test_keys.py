"""Keys: every shape that people keep them in, every reason to refuse one, and no word of the key in any error."""

import base64
import json
import textwrap
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from gopay_async.errors import InvalidKey
from gopay_async.keys import load_private_key, load_public_key

KEYS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "signatures.json").read_bytes())["keys"]
SMALL_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2047)
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
TINY_KEY = ed25519.Ed25519PrivateKey.generate()

PEM: str = KEYS["docs"]["private"]
PUBLIC_PEM: str = KEYS["docs"]["public"]
KEY = cast(rsa.RSAPrivateKey, load_pem_private_key(PEM.encode(), None))
PUBLIC_KEY = KEY.public_key()
PASSWORD = "correct horse"


def private_bytes(encoding: Encoding, shape: PrivateFormat, password: str = "") -> bytes:
    secrecy = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return KEY.private_bytes(encoding, shape, secrecy)


def certificate(encoding: Encoding) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gopay")])
    builder = x509.CertificateBuilder(name, name, PUBLIC_KEY, serial_number=1)
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
    return builder.not_valid_after(datetime(2021, 1, 1, tzinfo=UTC)).sign(KEY, SHA256()).public_bytes(encoding)


def body(pem: str) -> str:
    return "".join(pem.splitlines()[1:-1])


def like_the_documentation_page(pem: str) -> str:
    return "\\" + pem.strip().replace("\n", "\\\n") + "\\\n"


DER = private_bytes(Encoding.DER, PrivateFormat.PKCS8)
PKCS1 = private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL).decode()
PKCS1_DER = private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL)
ENCRYPTED = private_bytes(Encoding.PEM, PrivateFormat.PKCS8, PASSWORD).decode()
ENCRYPTED_DER = private_bytes(Encoding.DER, PrivateFormat.PKCS8, PASSWORD)
ENCRYPTED_PKCS1 = private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, PASSWORD).decode()
OPENSSH = private_bytes(Encoding.PEM, PrivateFormat.OpenSSH).decode()
PUBLIC_DER = PUBLIC_KEY.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
PUBLIC_PKCS1 = PUBLIC_KEY.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
PUBLIC_OPENSSH = PUBLIC_KEY.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
CERTIFICATE = certificate(Encoding.PEM).decode()

RESHAPED: dict[str, Callable[[str], str]] = {
    "as it is": lambda pem: pem,
    "without the last line break": str.strip,
    "escaped line breaks": lambda pem: pem.replace("\n", "\\n"),
    "escaped twice": lambda pem: pem.replace("\n", "\\\\n"),
    "escaped CRLF": lambda pem: pem.replace("\n", "\\r\\n"),
    "JSON string": json.dumps,
    "CRLF": lambda pem: pem.replace("\n", "\r\n"),
    "CR": lambda pem: pem.replace("\n", "\r"),
    "spaces for line breaks": lambda pem: pem.replace("\n", " "),
    "double quotes": lambda pem: f'"{pem}"',
    "single quotes and escaped": lambda pem: "'" + pem.replace("\n", "\\n") + "'",
    "indented": lambda pem: textwrap.indent(pem, "    "),
    "byte order mark": lambda pem: "\ufeff" + pem,
    "text before and after": lambda pem: f"Bag Attributes\n    friendlyName: gopay\n{pem}\nmore\n",
    "markdown backslashes": like_the_documentation_page,
    "markdown backslashes and spaces": lambda pem: like_the_documentation_page(pem).replace("\n", " "),
    "markdown escaped dashes": lambda pem: pem.replace("-", "\\-"),
    "base64 of the whole": lambda pem: base64.b64encode(pem.encode()).decode(),
    "base64 in lines of the whole": lambda pem: base64.encodebytes(pem.encode()).decode(),
    "base64 of the whole, escaped": lambda pem: base64.b64encode(pem.replace("\n", "\\n").encode()).decode(),
}
BARE: dict[str, Callable[[str], str]] = {
    "bare base64": body,
    "bare base64 in lines": lambda pem: "\n".join(pem.splitlines()[1:-1]),
    "bare base64 in quotes": lambda pem: f' "{body(pem)}" ',
    "bare base64 with escaped line breaks": lambda pem: "\\n".join(pem.splitlines()[1:-1]),
    "bare base64 without padding": lambda pem: body(pem).rstrip("="),
    "bare base64 after a byte order mark": lambda pem: "\ufeff" + body(pem),
    "wrong label": lambda pem: pem.replace("RSA ", "").replace("BEGIN ", "BEGIN RSA ").replace("END ", "END RSA "),
}
EVERY_SHAPE = {**RESHAPED, **BARE}


def shown(error: BaseException) -> str:
    """Render *error* as a crash reporter does, with the locals of every frame inside the package."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if "gopay_async" in frame.f_code.co_filename]
    rendered = "".join(traceback.format_exception(error))
    return rendered + repr(error) + repr(error.args) + "".join(repr(frame.f_locals) for frame in frames)


def pieces(source: str | bytes) -> list[str]:
    """Cut *source* into what must not be seen, short enough to find a part of it."""
    text = source if isinstance(source, str) else source.decode("latin-1")
    return [text[at : at + 12] for at in range(0, len(text) - 12, 12)]


def refused(load: Callable[[Any], object], source: object) -> str:
    with pytest.raises(InvalidKey) as caught:
        load(source)
    return str(caught.value)


# Private keys


@pytest.mark.parametrize("pem", [PEM, PKCS1], ids=["PKCS#8", "PKCS#1"])
@pytest.mark.parametrize("shape", EVERY_SHAPE)
def test_a_private_key_is_read_from_text_in_any_shape(shape: str, pem: str) -> None:
    loaded = load_private_key(EVERY_SHAPE[shape](pem))

    assert loaded.private_numbers() == KEY.private_numbers()


@pytest.mark.parametrize("pem", [PEM, PKCS1], ids=["PKCS#8", "PKCS#1"])
@pytest.mark.parametrize("shape", EVERY_SHAPE)
def test_a_private_key_is_read_from_the_bytes_of_that_text(shape: str, pem: str) -> None:
    loaded = load_private_key(EVERY_SHAPE[shape](pem).encode())

    assert loaded.private_numbers() == KEY.private_numbers()


@pytest.mark.parametrize("der", [DER, PKCS1_DER, DER + b"\n"], ids=["PKCS#8", "PKCS#1", "line break after"])
def test_a_private_key_is_read_from_der(der: bytes) -> None:
    assert load_private_key(der).private_numbers() == KEY.private_numbers()


@pytest.mark.parametrize("pem", [ENCRYPTED, ENCRYPTED_PKCS1], ids=["PKCS#8", "PKCS#1"])
@pytest.mark.parametrize("shape", RESHAPED)
def test_an_encrypted_private_key_is_read_with_its_password_in_any_shape(shape: str, pem: str) -> None:
    loaded = load_private_key(RESHAPED[shape](pem), password=PASSWORD)

    assert loaded.private_numbers() == KEY.private_numbers()


@pytest.mark.parametrize("source", [ENCRYPTED_DER, body(ENCRYPTED)], ids=["DER", "bare base64"])
def test_an_encrypted_private_key_is_read_without_its_armour(source: str | bytes) -> None:
    assert load_private_key(source, password=PASSWORD.encode()).private_numbers() == KEY.private_numbers()


def test_a_password_is_not_needed_by_a_key_in_the_clear_and_does_no_harm() -> None:
    assert load_private_key(PEM, password=PASSWORD).private_numbers() == KEY.private_numbers()


def test_a_loaded_private_key_is_returned_as_it_is() -> None:
    assert load_private_key(KEY) is KEY


def test_the_private_key_is_taken_from_a_bundle_with_its_certificate() -> None:
    assert load_private_key(CERTIFICATE + PEM).private_numbers() == KEY.private_numbers()


@pytest.mark.parametrize("content", [PEM.encode(), DER, base64.b64encode(DER)], ids=["PEM", "DER", "base64"])
@pytest.mark.parametrize("name", [Path, str, lambda path: f' "{path}"\n'], ids=["path", "text", "text in quotes"])
def test_a_private_key_is_read_from_a_file(content: bytes, name: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "merchant key"
    path.write_bytes(content)

    assert load_private_key(name(path)).private_numbers() == KEY.private_numbers()


# Public keys


@pytest.mark.parametrize("pem", [PUBLIC_PEM, PUBLIC_PKCS1, CERTIFICATE], ids=["SPKI", "PKCS#1", "certificate"])
@pytest.mark.parametrize("shape", EVERY_SHAPE)
def test_a_public_key_is_read_from_text_in_any_shape(shape: str, pem: str) -> None:
    assert load_public_key(EVERY_SHAPE[shape](pem)) == PUBLIC_KEY


@pytest.mark.parametrize("der", [PUBLIC_DER, certificate(Encoding.DER)], ids=["SPKI", "certificate"])
def test_a_public_key_is_read_from_der(der: bytes) -> None:
    assert load_public_key(der) == PUBLIC_KEY


def test_a_public_key_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "provider.pem"
    path.write_text(PUBLIC_PEM)

    assert load_public_key(path) == PUBLIC_KEY


def test_a_loaded_public_key_is_returned_as_it_is() -> None:
    assert load_public_key(PUBLIC_KEY) is PUBLIC_KEY


def test_the_public_key_is_taken_from_a_bundle_with_the_private_one() -> None:
    assert load_public_key(PEM + PUBLIC_PEM) == PUBLIC_KEY


# Refused


def other_pem(key: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def other_public_pem(key: Any) -> str:
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def named(cases: list[tuple[str, object, str]]) -> list[Any]:
    return [pytest.param(source, problem, id=name) for name, source, problem in cases]


def of_another_algorithm(der: bytes) -> bytes:
    """Give the RSA key in *der* an object identifier that no library knows."""
    return der.replace(bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a864886f70d010163"))


NO_KEY_AT_ALL: list[tuple[str, object, str]] = [
    ("no text", "", "there is no key"),
    ("no bytes", b"", "there is no key"),
    ("white space", " \n\t", "there is no key"),
    ("quotes", '""', "there is no key"),
    ("escaped line break", "\\n", "there is no key"),
    ("None", None, "not NoneType"),
    ("number", 7, "not int"),
    ("words", "put the key here", "neither PEM nor base64 nor DER"),
    ("name of a file that is not there", "keys/merchant.pem", "nor the name of an existing file"),
    ("base64 of something else", base64.b64encode(b"something else").decode(), "neither PEM"),
    ("bytes of something else", b"\x00\x01\x02", "neither PEM"),
    ("outside Unicode", "\ud800", "neither PEM"),
    ("something else in armour", PEM.replace("MII", "AAA"), "damaged"),
    ("no base64 in armour", PEM.replace("MII", "***"), "damaged"),
    ("another structure in armour", PEM.splitlines()[0] + "MAMCAQA=" + PEM.splitlines()[-1], "damaged"),
    ("file that is not there", Path("/nowhere/merchant.pem"), "'/nowhere/merchant.pem' cannot be read: No such file"),
    ("directory", Path("/"), "the key file cannot be read: Is a directory"),
    ("impossible path", Path("merchant\0.pem"), "the key file cannot be read: no file can have this name"),
]
NO_PRIVATE_KEY: list[tuple[str, object, str]] = [
    ("public key", PUBLIC_PEM, "this is a public key"),
    ("public key in DER", PUBLIC_DER, "this is a public key"),
    ("loaded public key", PUBLIC_KEY, "this is a public key"),
    ("certificate", CERTIFICATE, "this is a public key or certificate"),
    ("encrypted", ENCRYPTED, "is encrypted"),
    ("encrypted PKCS#1", ENCRYPTED_PKCS1, "is encrypted"),
    ("encrypted DER", ENCRYPTED_DER, "is encrypted"),
    ("P-256", other_pem(OTHER_KEY), "only RSA keys are of use here, not ECPrivateKey"),
    ("Ed25519", other_pem(TINY_KEY), "not Ed25519PrivateKey"),
    ("Ed25519 in DER", base64.b64decode(body(other_pem(TINY_KEY))), "not Ed25519PrivateKey"),
    ("loaded P-256", OTHER_KEY, "a loaded RSA key, not ECPrivateKey"),
    ("2047 bits", other_pem(SMALL_KEY), "has 2047 bits and needs 2048"),
    ("2047 bits loaded", SMALL_KEY, "has 2047 bits and needs 2048"),
    ("OpenSSH", OPENSSH, "OpenSSH format: convert"),
    ("half the PEM", PEM[: len(PEM) // 2], "cut off"),
    ("first line of the PEM", PEM.splitlines()[0], "cut off"),
    ("lines missing in the PEM", "\n".join(PEM.splitlines()[:9] + PEM.splitlines()[-1:]), "cut off"),
    ("half the base64", body(PEM)[: len(body(PEM)) // 2], "cut off"),
    ("base64 but for four characters", body(PEM)[:-4], "cut off"),
    ("base64 with one character too many", body(PEM)[:801], "cut off"),
    ("half the DER", DER[:600], "cut off"),
    ("a byte of the DER", DER[:1].replace(b"0", b"0\xff"), "cut off"),
    ("damaged DER", DER[:200] + bytes([DER[200] ^ 1]) + DER[201:], "damaged"),
    ("unknown algorithm", of_another_algorithm(DER), "damaged or in an unsupported format"),
]
NO_PUBLIC_KEY: list[tuple[str, object, str]] = [
    ("private key", PEM, "this is a private key"),
    ("PKCS#1 private key", PKCS1, "this is a private key"),
    ("private key in DER", DER, "this is a private key"),
    ("encrypted private key", ENCRYPTED, "this is a private key"),
    ("encrypted PKCS#1 private key", ENCRYPTED_PKCS1, "this is a private key"),
    ("loaded private key", KEY, "this is a private key"),
    ("P-256", other_public_pem(OTHER_KEY), "only RSA keys are of use here, not ECPublicKey"),
    ("Ed25519", other_public_pem(TINY_KEY), "not Ed25519PublicKey"),
    ("2047 bits", other_public_pem(SMALL_KEY), "has 2047 bits and needs 2048"),
    ("2047 bits loaded", SMALL_KEY.public_key(), "has 2047 bits and needs 2048"),
    ("OpenSSH", PUBLIC_OPENSSH, "OpenSSH format: convert"),
    ("half the PEM", PUBLIC_PEM[:200], "cut off"),
    ("half the DER", PUBLIC_DER[:200], "cut off"),
    ("unknown algorithm", of_another_algorithm(PUBLIC_DER), "damaged or in an unsupported format"),
]


@pytest.mark.parametrize(("source", "problem"), named(NO_KEY_AT_ALL + NO_PRIVATE_KEY))
def test_what_is_no_usable_private_key_is_refused_with_the_reason(source: object, problem: str) -> None:
    assert problem in refused(load_private_key, source)


@pytest.mark.parametrize(("source", "problem"), named(NO_KEY_AT_ALL + NO_PUBLIC_KEY))
def test_what_is_no_usable_public_key_is_refused_with_the_reason(source: object, problem: str) -> None:
    assert problem in refused(load_public_key, source)


@pytest.mark.parametrize("source", [ENCRYPTED, ENCRYPTED_PKCS1, ENCRYPTED_DER])
@pytest.mark.parametrize("password", ["wrong", b"wrong", "\ud800", "x" * 5000])
def test_a_wrong_password_is_named_as_the_problem(source: str | bytes, password: str | bytes) -> None:
    assert "password is wrong" in refused(lambda key: load_private_key(key, password=password), source)


@pytest.mark.parametrize("password", ["", b"", None])
def test_an_empty_password_is_none(password: str | bytes | None) -> None:
    assert "is encrypted" in refused(lambda key: load_private_key(key, password=password), ENCRYPTED)


def test_the_providers_sample_key_of_512_bits_is_refused() -> None:
    refused(load_private_key, KEYS["seamless"]["private"])


# Nothing of a key is shown


@pytest.mark.parametrize("load", [load_private_key, load_public_key])
@pytest.mark.parametrize(
    "source", [key for _, key, _ in NO_PRIVATE_KEY + NO_PUBLIC_KEY if isinstance(key, str | bytes)]
)
def test_no_part_of_a_refused_key_is_shown(load: Callable[[Any], object], source: str | bytes) -> None:
    try:
        load(source)
        rendered = ""
    except InvalidKey as error:
        rendered = shown(error)

    assert [piece for piece in pieces(source) if piece in rendered] == []


def test_a_refused_key_leaves_no_other_error_behind() -> None:
    with pytest.raises(InvalidKey) as caught:
        load_private_key(PEM.replace("MII", "***"))

    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_wrong_password_is_not_shown() -> None:
    password = PASSWORD[::-1]
    with pytest.raises(InvalidKey) as caught:
        load_private_key(ENCRYPTED, password=password)

    assert password not in shown(caught.value)


@pytest.mark.parametrize("name", [body(PEM)[:200], PEM[:150], PEM[:60].replace("\n", " ") + ".pem"])
def test_a_key_that_is_given_as_a_path_is_not_shown(name: str) -> None:
    with pytest.raises(InvalidKey) as caught:
        load_private_key(Path(name))

    assert [piece for piece in pieces(name) if piece in shown(caught.value)] == []
