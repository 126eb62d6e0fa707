"""Files as people have them: what is read, what is refused with what to write instead, and what is only shown."""

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import pytest

from gopay_async import Money
from gopay_async.errors import BadRows
from gopay_async.payouts import Draft, draft_of_file
from gopay_async.payouts.rows import Problem, ReadRow, read_row
from gopay_async.payouts.source import FileSource

HEADER = "partner_reference_no,customer_number,customer_name,amount,notes"
GOOD = {
    "partner_reference_no": "pay-1",
    "customer_number": "6281773628883",
    "customer_name": "Siti Rahayu",
    "amount": "10000",
    "notes": "Cashback",
}


def read(path: Path, content: str | bytes) -> list[ReadRow]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(FileSource(path).rows())


def problems(rows: list[ReadRow]) -> list[str]:
    return [str(problem) for row in rows for problem in row.problems]


# --- cells -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", ["10000", "10000.00", " 10000 ", 10000, "1", "99999999999"])
def test_an_amount_is_whole_rupiah_in_digits(amount: object) -> None:
    row = read_row(2, {**GOOD, "amount": amount})

    assert row.top_up is not None
    assert row.top_up.amount == Money(str(amount).strip())


@pytest.mark.parametrize(
    ("amount", "instead"),
    [
        ("10.000", "10000"),
        ("1.250.000", "1250000"),
        ("10.000,00", "10000"),
        ("10,000", "10000"),
        ("10,000.00", "10000"),
        ("Rp 10000", "10000"),
        ("Rp10.000", "10000"),
        ("IDR 500", "500"),
        ("1e4", "10000"),
        ("1E+04", "10000"),
        ("10000.0", "10000"),
        ("10000,00", "10000"),
        ("10000.50", "10000"),
        ("-10000", "10000"),
        ("0", "10000"),
        ("0.00", "10000"),
        ("0500", "500"),
        ("999999999999", "10000"),
        ("ten", "10000"),
        ("\uff11\uff10\uff10", "10000"),
        (True, "10000"),
    ],
)
def test_any_other_amount_is_refused_with_what_to_write(amount: object, instead: str) -> None:
    (problem,) = read_row(7, {**GOOD, "amount": amount}).problems

    assert (problem.line, problem.column) == (7, "amount")
    assert problem.rule.endswith(f"write whole rupiah in digits, such as {instead}")


@pytest.mark.parametrize(
    "number", ["+6281773628883", "081773628883", "+62 817-7362-8883", "(0817) 7362.8883", "62 817 7362 8883"]
)
def test_a_number_is_normalised_and_shown(number: str) -> None:
    row = read_row(2, {**GOOD, "customer_number": number})

    assert row.top_up is not None
    assert row.top_up.customer_number == "6281773628883"
    assert [str(one) for one in row.notables] == [f"line 2, customer_number: {number} is taken as 6281773628883"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("6.28E+12", "damaged by a spreadsheet"),
        ("81773628883", "dropped the 0"),
        ("62081773628883", "0 after 62"),
        ("6512345678", "Indonesian"),
        ("62", "Indonesian"),
        ("6281773628883123", "Indonesian"),
        ("", "is required"),
        (6281773628883, "in quotes"),
    ],
)
def test_another_number_is_refused(number: object, words: str) -> None:
    (problem,) = read_row(2, {**GOOD, "customer_number": number}).problems

    assert (problem.column, words in problem.rule) == ("customer_number", True)


@pytest.mark.parametrize("reference", ["6.19E+31", "6,19E+31", "6E+31", "pay 1", "pay/1", "x" * 65, "", "päy"])
def test_a_reference_is_what_the_provider_takes(reference: str) -> None:
    (problem,) = read_row(2, {**GOOD, "partner_reference_no": reference}).problems

    assert problem.column == "partner_reference_no"


def test_a_reference_that_a_spreadsheet_may_have_rounded_must_be_confirmed() -> None:
    (notable,) = read_row(2, {**GOOD, "partner_reference_no": "619452192274789000"}).notables

    assert notable.confirm
    assert not read_row(2, {**GOOD, "partner_reference_no": "61945219227478976"}).notables


@pytest.mark.parametrize(("length", "notables", "problems"), [(50, 0, 0), (51, 1, 0), (100, 1, 0), (101, 0, 1)])
def test_notes_have_two_limits(length: int, notables: int, problems: int) -> None:
    row = read_row(2, {**GOOD, "notes": "x" * length})

    assert (len(row.notables), len(row.problems)) == (notables, problems)
    assert not any(one.confirm for one in row.notables)


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "@SUM(1)", "O'Neil", "Siti 😀", "-1+1"])
def test_a_name_may_look_like_a_formula(name: str) -> None:
    row = read_row(2, {**GOOD, "customer_name": name})

    assert row.top_up is not None
    assert row.top_up.customer_name == name


@pytest.mark.parametrize("column", ["customer_name", "notes", "beneficiary_email"])
@pytest.mark.parametrize("value", ["a\nb", "a\x00b", "a\x7fb"])
def test_control_characters_are_refused(column: str, value: str) -> None:
    (problem,) = read_row(2, {**GOOD, column: value}).problems

    assert (problem.column, problem.rule) == (column, "holds a line break or another control character")


def test_every_broken_rule_of_a_row_is_named() -> None:
    bad = {"partner_reference_no": "a b", "customer_number": "1", "customer_name": "x" * 101, "notes": "n-1"}

    row = read_row(3, {**bad, "amount": "x", "beneficiary_email": "x" * 51})

    assert row.top_up is None
    assert {one.column for one in row.problems} == {*GOOD, "beneficiary_email"}


def test_optional_cells_may_be_empty() -> None:
    row = read_row(2, {**GOOD, "beneficiary_email": " ", "beneficiary_provider": ""})

    assert row.top_up is not None
    assert (row.top_up.beneficiary_email, row.top_up.beneficiary_provider) == (None, "gopay")


# --- files -----------------------------------------------------------------------------------------------------------

ROW = "pay-1,6281773628883,Siti,10000,Cashback"


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n{ROW}\n",
        f"{HEADER}\r\n{ROW}\r\n",
        f"{HEADER}\n{ROW}",
        f"\ufeff{HEADER}\n\n{ROW}\n,,,,\n",
        f"{HEADER}\n{ROW}\n".replace(",", ";"),
        f"{HEADER}\n{ROW}\n".replace(",", "\t"),
        f"partnerReferenceNo,Customer Number,CUSTOMER_NAME,Amount,Notes,Branch\n{ROW},Bandung\n",
    ],
)
def test_a_csv_file_is_read_as_people_write_it(tmp_path: Path, content: str) -> None:
    (row,) = read(tmp_path / "a.csv", content)

    assert row.top_up is not None
    assert (row.top_up.partner_reference_no, row.top_up.amount) == ("pay-1", Money(10_000))


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    rows = read(tmp_path / "a.csv", f'{HEADER}\n\n{ROW}\n"pay-2",6281773628883,"Si\nti",10000,Cash\n{ROW}\n')

    assert [row.line for row in rows] == [3, 4, 6]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"\xd0\xcf\x11\xe0rest", "spreadsheet"),
        ("partner".encode("utf-16"), "UTF-16"),
        (HEADER.encode() + b"\nS\xe9,", "line 2: not UTF-8"),
        (b"", "lacks partner_reference_no"),
        (b"reference,amount\n", "lacks partner_reference_no, customer_number"),
        (f"{HEADER},Amount\n".encode(), "names amount twice"),
        (HEADER.encode() + b"\n" + b"x" * 70_000, "line 2: longer than"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(BadRows, match=words):
        read(tmp_path / "a.csv", content)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRows, match="cannot be read"):
        list(FileSource(tmp_path / "none.csv").rows())


def test_a_comma_within_an_amount_shows_as_one_cell_too_many(tmp_path: Path) -> None:
    rows = read(tmp_path / "a.csv", f"{HEADER}\npay-1,6281773628883,Siti,10,000,Cashback\npay-2,62\n")

    assert problems(rows) == [
        "line 2: has 6 cells, the header has 5; an amount is written without separators",
        "line 3: has 2 cells, the header has 5",
    ]


def test_an_open_quotation_mark_is_named_where_it_begins(tmp_path: Path) -> None:
    rows = read(tmp_path / "a.csv", f'{HEADER}\n{ROW}\npay-2,"62,Siti,1,x\n' + f"{ROW}\n" * 5)

    assert [problem.line for row in rows for problem in row.problems] == [3]


def json_line(**changes: object) -> str:
    parts = {f'"{name}"': f'"{value}"' for name, value in GOOD.items()} | {
        f'"{name}"': str(value) for name, value in changes.items()
    }
    return "{" + ",".join(f"{name}:{value}" for name, value in parts.items()) + "}"


@pytest.mark.parametrize("amount", ["10000", '"10000"', "10000.00", '"10000.00"'])
def test_json_lines_are_read(tmp_path: Path, amount: str) -> None:
    rows = read(tmp_path / "a.jsonl", json_line(amount=amount) + "\n\n" + json_line(note='"x"') + "\n")

    assert problems(rows) == []
    assert [row.line for row in rows] == [1, 3]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (json_line(amount="1e4"), "exponent"),
        (json_line(amount="10000.5"), "whole rupiah only"),
        (json_line(amount="NaN"), "NaN is not JSON"),
        (json_line(customer_number="6281773628883"), "in quotes"),
        (json_line(amount="null"), "amount: is required"),
        ('{"amount":1,"amount":2}', "stands twice"),
        ('{"amount":1,"Amount":2}', "stands twice"),
        ("[1]", "is not one JSON object"),
        ('[["amount", "10000"], ["amount", "99000"]]', "is not one JSON object"),
        ("pay-1", "is not one JSON object"),
        ("[" * 5_000, "is not one JSON object"),
    ],
)
def test_a_json_line_that_is_unclear_is_refused(tmp_path: Path, line: str, words: str) -> None:
    found = problems(read(tmp_path / "a.jsonl", line + "\n"))

    assert any(words in one for one in found), found


def test_the_id_of_a_job_is_the_sha256_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\n{ROW}\n")
    source = FileSource(path)
    list(source.rows())

    assert source.sha256 == sha256(path.read_bytes()).hexdigest()


# --- drafts ----------------------------------------------------------------------------------------------------------


def write(path: Path, *rows: str) -> None:
    path.write_text("\n".join([HEADER, *rows]) + "\n")


async def drafted(path: Path, *rows: str) -> tuple[list[str], list[str], tuple[int, int]]:
    write(path, *rows)
    async with draft_of_file(path) as draft:
        return [str(one) for one in draft.problems], [str(one) for one in draft.warnings], draft.size


async def test_a_reference_that_stands_twice_is_a_problem(tmp_path: Path) -> None:
    found, _, _ = await drafted(tmp_path / "a.csv", ROW, ROW.replace("10000", "5"), ROW.replace("pay-1", "pay-2"), ROW)

    assert found == [
        "line 3, partner_reference_no: pay-1 stands in line 2 already",
        "line 5, partner_reference_no: pay-1 stands in line 2 already",
    ]


async def test_the_same_number_and_amount_twice_is_a_warning(tmp_path: Path) -> None:
    _, warnings, size = await drafted(tmp_path / "a.csv", ROW, ROW.replace("pay-1", "pay-2").replace("62817", "0817"))

    assert warnings == ["line 3, amount: the same number gets the same amount, Rp 10000, in line 2"]
    assert size == (2, 2_000_000)


async def test_findings_are_all_counted_and_the_first_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + "\n" + "x\n" * 10_050)

    async with draft_of_file(path) as draft:
        assert isinstance(draft, Draft)
        assert (draft.problems.count, len(list(draft.problems)), draft.size) == (10_050, 10_000, (0, 0))


async def test_columns_that_are_not_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER},Branch\n{ROW},Bandung\n")
    (tmp_path / "a.jsonl").write_text(json_line(branch='"Bandung"') + "\n")

    async with draft_of_file(tmp_path / "a.csv") as csv_draft, draft_of_file(tmp_path / "a.jsonl") as json_draft:
        assert (csv_draft.ignored_columns, json_draft.ignored_columns) == (("Branch",), ("branch",))


def test_a_problem_of_a_whole_line_names_no_column() -> None:
    assert str(Problem(3, "", "is bad")) == "line 3: is bad"


async def test_a_reference_stands_twice_even_where_something_else_is_wrong_with_its_row(tmp_path: Path) -> None:
    bad, strange = ROW.replace("10000", "x"), ROW.replace("pay-1", "b 1")

    found, _, size = await drafted(tmp_path / "a.csv", bad, ROW, ROW.replace("pay-1", "pay-2"), strange, strange)

    assert [one for one in found if "already" in one] == [
        "line 3, partner_reference_no: pay-1 stands in line 2 already"
    ]
    assert size[0] == 2


async def test_a_reading_that_is_cancelled_ends_before_its_draft_is_closed(tmp_path: Path) -> None:
    # A pipe that nobody writes to holds the thread that opens it.
    os.mkfifo(tmp_path / "a.csv")
    reading = asyncio.create_task(drafted_from(tmp_path / "a.csv"))
    await asyncio.sleep(0)

    reading.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    early = reading.done()
    (tmp_path / "a.csv").open("w").close()
    await asyncio.wait({reading})

    assert (early, reading.cancelled()) == (False, True)


async def drafted_from(path: Path) -> None:
    async with draft_of_file(path):
        pass
