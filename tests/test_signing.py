"""Signatures: the published vectors, minify against two references, and everything that must be rejected."""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from string import ascii_letters, digits
from typing import Any, cast
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import assume, given
from hypothesis import strategies as st

from gopay_async.errors import BadSignature, InvalidInput
from gopay_async.keys import load_private_key, load_public_key
from gopay_async.signing import (
    digest,
    minify,
    notification_string,
    sign_hmac,
    sign_rsa,
    token_string,
    transaction_string,
    verify_hmac,
    verify_rsa,
)

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "signatures.json").read_bytes())
TOKEN, NOTIFICATION, SEAMLESS = VECTORS["token"], VECTORS["notification"], VECTORS["seamless_sign"]
TRANSACTIONS = VECTORS["transactions"]
PRIVATE = load_private_key(VECTORS["keys"]["docs"]["private"])
PUBLIC = load_public_key(VECTORS["keys"]["docs"]["public"])


class KeyOfNumbers:
    """RSA with integer arithmetic, for the 512-bit sample key that libraries may refuse to load."""

    def __init__(self, modulus: str, public_exponent: int, private_exponent: str, **_: str) -> None:
        self.modulus = int(modulus, 16)
        self.public_exponent = public_exponent
        self.private_exponent = int(private_exponent, 16)
        self.size = (self.modulus.bit_length() + 7) // 8

    def padded(self, data: bytes) -> int:
        """Return the number that is signed: PKCS#1 v1.5 around the DER of a SHA-256 digest."""
        info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(data).digest()
        return int.from_bytes(b"\x00\x01" + b"\xff" * (self.size - len(info) - 3) + b"\x00" + info)

    def sign(self, data: bytes, _padding: object, _algorithm: object) -> bytes:
        return pow(self.padded(data), self.private_exponent, self.modulus).to_bytes(self.size)

    def recovered(self, signature: bytes) -> int:
        return pow(int.from_bytes(signature), self.public_exponent, self.modulus)


SMALL = KeyOfNumbers(**VECTORS["keys"]["seamless"])


def minified_by_hand(body: bytes) -> bytes:
    """Walk *body* byte by byte, as the documentation describes it."""
    kept, inside, escaped = bytearray(), False, False
    for byte in body:
        if not inside and byte in b" \t\n\r":
            continue
        kept.append(byte)
        inside, escaped = _next(byte, inside, escaped)
    return bytes(kept)


def _next(byte: int, inside: bool, escaped: bool) -> tuple[bool, bool]:
    if escaped:
        return inside, False
    if byte == ord('"'):
        return not inside, False
    return inside, inside and byte == ord("\\")


def changed(text: str, at: int, by: int) -> str:
    return text[:at] + chr(ord(text[at]) ^ by) + text[at + 1 :]


def other_spellings(signature: str) -> list[str]:
    """Return what a lax decoder takes for the same bytes: the unused bits before the padding set otherwise."""
    candidates = (f"{signature[:-3]}{character}==" for character in ascii_letters + digits + "+/")
    return [other for other in candidates if other != signature and b64decode(other) == b64decode(signature)]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@st.composite
def spaced_json(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a JSON text in compact form and with any whitespace at every place where it may stand."""
    escape = draw(st.booleans())

    def gap() -> str:
        return draw(st.text(" \t\n\r", max_size=3))

    def spaced(value: object) -> str:
        if isinstance(value, dict):
            pairs = (f"{spaced(name)}:{spaced(item)}" for name, item in value.items())
            return f"{gap()}{{{gap()}{','.join(pairs)}}}{gap()}"
        if isinstance(value, list):
            return f"{gap()}[{gap()}{','.join(map(spaced, value))}]{gap()}"
        return f"{gap()}{json.dumps(value, ensure_ascii=escape)}{gap()}"

    value = draw(JSON_VALUES)
    return json.dumps(value, ensure_ascii=escape, separators=(",", ":")), spaced(value)


# Published vectors


def test_the_token_vector_is_reproduced() -> None:
    text = token_string(TOKEN["client_id"], TOKEN["timestamp"])

    assert text == TOKEN["text"]
    assert sign_rsa(text, PRIVATE) == TOKEN["signature"]


def test_the_token_vector_verifies() -> None:
    verify_rsa(TOKEN["text"], TOKEN["signature"], PUBLIC)


def test_the_hex_that_the_documentation_prints_beside_the_token_vector_is_the_same_signature() -> None:
    assert b64decode(TOKEN["signature"]).hex() == TOKEN["signature_hex"]


@pytest.mark.parametrize("name", TRANSACTIONS)
def test_a_transaction_vector_is_reproduced_from_its_text(name: str) -> None:
    vector = TRANSACTIONS[name]

    assert sign_hmac(vector["text"], vector["client_secret"]) == vector["signature"]


@pytest.mark.parametrize("name", TRANSACTIONS)
def test_a_transaction_vector_verifies(name: str) -> None:
    vector = TRANSACTIONS[name]

    verify_hmac(vector["text"], vector["signature"], vector["client_secret"])


@pytest.mark.parametrize("name", ["demo", "top-up"])
def test_a_transaction_vector_is_reproduced_from_its_parts(name: str) -> None:
    vector = TRANSACTIONS[name]
    parts = (vector["method"], vector["path"], vector["access_token"], vector["body"].encode(), vector["timestamp"])

    assert transaction_string(*parts) == vector["text"]


def test_the_hex_that_the_documentation_prints_beside_the_hmac_is_the_same_signature() -> None:
    vector = TRANSACTIONS["docs"]

    assert b64decode(vector["signature"]).hex() == vector["signature_hex"]


def test_the_notification_vector_is_reproduced() -> None:
    body = NOTIFICATION["body"].encode()
    text = notification_string(NOTIFICATION["method"], NOTIFICATION["path"], body, NOTIFICATION["timestamp"])

    assert text == NOTIFICATION["text"]
    assert sign_rsa(text, PRIVATE) == NOTIFICATION["signature"]


def test_the_notification_vector_verifies() -> None:
    verify_rsa(NOTIFICATION["text"], NOTIFICATION["signature"], PUBLIC)


def test_a_pretty_printed_notification_has_the_text_of_the_compact_one() -> None:
    pretty = json.dumps(json.loads(NOTIFICATION["body"]), indent=4).encode()
    text = notification_string(NOTIFICATION["method"], NOTIFICATION["path"], pretty, NOTIFICATION["timestamp"])

    assert text == NOTIFICATION["text"]


def test_the_seamless_sign_vector_is_reproduced_from_the_url_encoded_text() -> None:
    text = quote(SEAMLESS["data"], safe="")

    assert text == SEAMLESS["text"]
    assert quote(sign_rsa(text, cast(RSAPrivateKey, SMALL)), safe="") == SEAMLESS["signature_in_query"]


def test_the_seamless_sign_of_the_raw_text_is_the_other_printed_value() -> None:
    signature = quote(sign_rsa(SEAMLESS["data"], cast(RSAPrivateKey, SMALL)), safe="")

    assert signature == SEAMLESS["signature_in_query_of_the_raw_text"]


def test_the_seamless_sign_vector_verifies() -> None:
    signature = b64decode(SEAMLESS["signature_in_query"].replace("%2B", "+").replace("%2F", "/").replace("%3D", "="))

    assert SMALL.recovered(signature) == SMALL.padded(SEAMLESS["text"].encode())


@pytest.mark.parametrize("vector", [NOTIFICATION, TRANSACTIONS["demo"], TRANSACTIONS["top-up"]])
def test_the_digest_of_a_vector_is_reproduced(vector: dict[str, str]) -> None:
    assert digest(vector["body"].encode()) == vector["body_sha256"]


def test_no_body_has_the_digest_of_no_bytes() -> None:
    assert digest(b"") == VECTORS["no_body_sha256"]


# The strings to sign


def test_a_lower_case_method_is_signed_in_upper_case() -> None:
    assert transaction_string("post", "/p", "t", b"", "now").startswith("POST:/p:t:")
    assert notification_string("post", "/p", b"", "now").startswith("POST:/p:")


def test_the_digest_is_that_of_the_minified_body() -> None:
    assert digest(b'{ "a" : 1 }') == hashlib.sha256(b'{"a":1}').hexdigest()


# Minify


@given(spaced_json())
def test_minify_of_spaced_json_is_its_compact_form(texts: tuple[str, str]) -> None:
    compact, spaced = texts

    assert minify(spaced.encode()) == compact.encode()


@given(JSON_VALUES, st.sampled_from([None, 1, 4, "\t"]))
def test_minify_of_indented_json_is_its_compact_form(value: object, indent: int | str | None) -> None:
    assert minify(json.dumps(value, indent=indent).encode()) == json.dumps(value, separators=(",", ":")).encode()


@given(st.binary() | st.text('" \t\n\r\v\f\\{a1', max_size=40).map(str.encode))
def test_minify_of_any_bytes_is_that_of_the_byte_by_byte_walk(body: bytes) -> None:
    assert minify(body) == minified_by_hand(body)


@given(st.binary() | st.text('" \t\n\r\v\f\\{a1', max_size=40).map(str.encode))
def test_minify_a_second_time_changes_nothing(body: bytes) -> None:
    assert minify(minify(body)) == minify(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (rb'{ "a b" : "c  d" }', rb'{"a b":"c  d"}'),
        (b'{"a": "tab\tand\r\nbreak"}', b'{"a":"tab\tand\r\nbreak"}'),
        (rb'{"a": "quote \" and \\" , "b": 1}', rb'{"a":"quote \" and \\","b":1}'),
        (rb'{"a":"an inch is \"" ,"b":1}', rb'{"a":"an inch is \"","b":1}'),
        (rb'{"a":"an inch is \"","b":"c d"}', rb'{"a":"an inch is \"","b":"c d"}'),
        (rb'{"a": "\u00e9 \/ \n"}', rb'{"a":"\u00e9 \/ \n"}'),
        (b'{"a": 10000.00, "b": 1E+2, "c": -0}', b'{"a":10000.00,"b":1E+2,"c":-0}'),
        (b'{"b": 1, "a": 2, "b": 3}', b'{"b":1,"a":2,"b":3}'),
        ('{"a": "é 日本 / \u00a0\u2028"}'.encode(), '{"a":"é 日本 / \u00a0\u2028"}'.encode()),
        (b"\xef\xbb\xbf {\x0b}\x0c", b"\xef\xbb\xbf{\x0b}\x0c"),
        (b'{"a": "\\\n b"}', b'{"a":"\\\n b"}'),
        (b'\n{"open', b'{"open'),
        (b' "open \\', b'"open \\'),
    ],
)
def test_minify_drops_json_whitespace_outside_strings_and_nothing_else(body: bytes, expected: bytes) -> None:
    assert minify(body) == expected


def test_minify_of_compact_bytes_is_the_same_object() -> None:
    body = NOTIFICATION["body"].encode()

    assert minify(body) is body


@pytest.mark.parametrize("piece", [b"1 ", b'"', b'"\\', b" ", b"\\", b'"a" ', b"[\n", b"1"])
def test_minify_of_a_long_hostile_body_ends(piece: bytes) -> None:
    body = piece * 50_000

    assert minify(body) == minified_by_hand(body)


# What is rejected, with RSA


@given(st.integers(0, len(TOKEN["text"]) - 1), st.integers(1, 127))
def test_an_rsa_signature_does_not_fit_a_text_with_one_byte_changed(at: int, by: int) -> None:
    with pytest.raises(BadSignature):
        verify_rsa(changed(TOKEN["text"], at, by), TOKEN["signature"], PUBLIC)


@given(st.integers(0, 255), st.integers(1, 255))
def test_an_rsa_signature_with_one_byte_changed_is_rejected(at: int, by: int) -> None:
    raw = bytearray(b64decode(TOKEN["signature"]))
    raw[at] ^= by

    with pytest.raises(BadSignature):
        verify_rsa(TOKEN["text"], b64encode(raw).decode(), PUBLIC)


@given(st.integers(0, len(TOKEN["signature"]) - 1), st.characters())
def test_an_rsa_signature_with_one_character_changed_is_rejected(at: int, other: str) -> None:
    assume(other != TOKEN["signature"][at])
    signature = TOKEN["signature"][:at] + other + TOKEN["signature"][at + 1 :]

    with pytest.raises(BadSignature):
        verify_rsa(TOKEN["text"], signature, PUBLIC)


def test_the_fifteen_other_base64_spellings_of_an_rsa_signature_are_rejected() -> None:
    others = other_spellings(TOKEN["signature"])

    assert len(others) == 15
    for other in others:
        with pytest.raises(BadSignature):
            verify_rsa(TOKEN["text"], other, PUBLIC)


@pytest.mark.parametrize(
    "spelling",
    [
        "",
        TOKEN["signature_hex"],
        TOKEN["signature"].rstrip("="),
        TOKEN["signature"] + "=",
        TOKEN["signature"] + "\n",
        " " + TOKEN["signature"],
        TOKEN["signature"][:76] + "\n" + TOKEN["signature"][76:],
        TOKEN["signature"].replace("/", "_").replace("+", "-"),
        b64encode(b"\0" + b64decode(TOKEN["signature"])).decode(),
        b64encode(b64decode(TOKEN["signature"])[:-1]).decode(),
        "é" + TOKEN["signature"],
        "\ud800",
    ],
)
def test_any_other_spelling_of_an_rsa_signature_is_rejected(spelling: str) -> None:
    with pytest.raises(BadSignature):
        verify_rsa(TOKEN["text"], spelling, PUBLIC)


@given(st.text(st.characters(), max_size=400), st.text(st.characters(), max_size=400))
def test_verifying_rsa_raises_nothing_but_bad_signature(text: str, signature: str) -> None:
    with pytest.raises(BadSignature):
        verify_rsa(text, signature, PUBLIC)


def test_an_rsa_signature_never_fits_a_text_with_a_lone_surrogate() -> None:
    with pytest.raises(BadSignature):
        verify_rsa("\ud800", TOKEN["signature"], PUBLIC)


@given(st.text())
def test_what_is_signed_with_rsa_verifies(text: str) -> None:
    verify_rsa(text, sign_rsa(text, PRIVATE), PUBLIC)


# What is rejected, with HMAC

HMAC = TRANSACTIONS["docs"]


@given(st.integers(0, len(HMAC["text"]) - 1), st.integers(1, 127))
def test_an_hmac_does_not_fit_a_text_with_one_byte_changed(at: int, by: int) -> None:
    with pytest.raises(BadSignature):
        verify_hmac(changed(HMAC["text"], at, by), HMAC["signature"], HMAC["client_secret"])


@given(st.integers(0, len(HMAC["signature"]) - 1), st.integers(1, 127))
def test_an_hmac_with_one_character_changed_is_rejected(at: int, by: int) -> None:
    with pytest.raises(BadSignature):
        verify_hmac(HMAC["text"], changed(HMAC["signature"], at, by), HMAC["client_secret"])


def test_the_fifteen_other_base64_spellings_of_an_hmac_are_rejected() -> None:
    others = other_spellings(HMAC["signature"])

    assert len(others) == 15
    for other in others:
        with pytest.raises(BadSignature):
            verify_hmac(HMAC["text"], other, HMAC["client_secret"])


@given(st.text(st.characters()), st.text(st.characters()), st.text(st.characters()))
def test_verifying_an_hmac_raises_nothing_but_bad_signature(text: str, signature: str, secret: str) -> None:
    with pytest.raises(BadSignature):
        verify_hmac(text, signature, secret)


@pytest.mark.parametrize("inputs", [("\ud800", "", "s"), ("t", "\ud800", "s"), ("t", "", "\ud800"), ("t", "é", "s")])
def test_an_hmac_with_a_lone_surrogate_or_outside_ascii_is_rejected(inputs: tuple[str, str, str]) -> None:
    with pytest.raises(BadSignature):
        verify_hmac(*inputs)


@given(st.text(), st.text())
def test_what_is_signed_with_hmac_verifies(text: str, secret: str) -> None:
    verify_hmac(text, sign_hmac(text, secret), secret)


def test_a_client_secret_that_looks_like_base64_is_used_as_text() -> None:
    assert sign_hmac("t", "c2VjcmV0") != sign_hmac("t", "secret")


# Texts that cannot be signed


@pytest.mark.parametrize(
    ("sign", "field"),
    [
        (lambda bad: sign_rsa(bad, PRIVATE), "text"),
        (lambda bad: sign_hmac(bad, "secret"), "text"),
        (lambda bad: sign_hmac("text", bad), "client_secret"),
    ],
)
def test_signing_a_lone_surrogate_names_the_field_and_not_the_text(sign: Callable[[str], str], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        sign("access-token-7\ud800")

    assert caught.value.field == field
    assert "access-token-7" not in repr(caught.value)
    assert caught.value.__context__ is None
