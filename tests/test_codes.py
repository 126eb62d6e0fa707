"""Response codes: what is one, what it means, and which refusal it becomes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gopay_async import errors
from gopay_async.codes import CASES, ResponseCode
from gopay_async.errors import Refused

from .spec import national_cases

TABLE = national_cases()


@pytest.mark.parametrize(
    ("text", "status", "service", "case"),
    [
        ("2005400", 200, "54", "00"),
        ("4043811", 404, "38", "11"),
        ("4223802", 422, "38", "02"),
        (2005400, 200, "54", "00"),
        ("20054000", 200, "54", "00"),
        ("20058000", 200, "58", "00"),
        ("40365150", 403, "65", "15"),
    ],
)
def test_a_code_has_status_service_and_case(text: Any, status: int, service: str, case: str) -> None:
    code = ResponseCode.parse(text)

    assert code == ResponseCode(str(text), status, service, case)


@pytest.mark.parametrize(
    "text",
    [
        *("", "200", "200540", "200540000", "20054001", "0005400", "6005400", "2xx5400", " 2005400", "2005400\n"),
        *("\u0662005400", "5003", "40001", "400001", "4060", None, True, 2005400.0, [], {}, b"2005400"),
    ],
)
def test_what_is_not_a_code_is_none(text: Any) -> None:
    assert ResponseCode.parse(text) is None


@given(st.text(max_size=9) | st.integers() | st.none() | st.floats())
@settings(deadline=None)
def test_any_value_is_a_code_or_none(value: Any) -> None:
    code = ResponseCode.parse(value)

    assert code is None or code.text == str(value)


@pytest.mark.parametrize(("status", "case", "meaning"), [(one.status, one.case, one.meaning) for one in TABLE])
def test_every_national_case_has_its_meaning(status: int, case: str, meaning: str) -> None:
    code = ResponseCode.parse(f"{status}99{case}")

    assert code is not None
    assert code.meaning == meaning


def test_the_case_table_holds_the_national_table_and_the_one_addition() -> None:
    assert set(CASES) == {(one.status, one.case) for one in TABLE} | {(422, "02")}


@pytest.mark.parametrize(("status", "case", "error"), [(one.status, one.case, one.error) for one in TABLE if one.error])
@pytest.mark.parametrize("service", ["54", "38", "10", "99"])
def test_every_refusing_case_becomes_its_error_whatever_the_service(
    status: int, case: str, error: str, service: str
) -> None:
    code = ResponseCode.parse(f"{status}{service}{case}")

    assert code is not None
    assert code.error is getattr(errors, error)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("4003899", Refused),
        ("4033899", Refused),
        ("4223802", Refused),
        ("4183800", Refused),
        ("4293800", errors.RateLimited),
        ("4293842", errors.RateLimited),
        ("4013805", Refused),
    ],
)
def test_a_case_outside_the_table_is_classified_by_its_status(text: str, error: type[Refused]) -> None:
    code = ResponseCode.parse(text)

    assert code is not None
    assert code.error is error


def test_a_case_outside_the_table_has_no_meaning() -> None:
    code = ResponseCode.parse("4183899")

    assert code is not None
    assert code.meaning == ""


@pytest.mark.parametrize(
    ("text", "duplicate", "inconsistent"),
    [
        ("4093800", True, False),
        ("4093801", True, False),
        ("40938010", True, False),
        ("4093802", False, False),
        ("4043818", False, True),
        ("4045818", False, True),
        ("4043801", False, False),
        ("2003800", False, False),
    ],
)
def test_duplicates_and_inconsistent_requests_are_told_by_status_and_case(
    text: str, duplicate: bool, inconsistent: bool
) -> None:
    code = ResponseCode.parse(text)

    assert code is not None
    assert (code.is_duplicate, code.is_inconsistent) == (duplicate, inconsistent)
