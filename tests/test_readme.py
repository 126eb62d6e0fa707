"""What the README shows is what is in the tree, and it works."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from examples.calling import checkout
from examples.paying_out import pay_all
from gopay_async import GoPaySession, Money
from gopay_async.api import TopUp
from gopay_async.simulator import DROP_AFTER, DROP_BEFORE, Fault, Simulator
from gopay_async.simulator.console import Console
from gopay_async.simulator.handover import variables
from gopay_async.simulator.page import serve_page

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"<!-- example: (\S+) -->\n```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(("file", "shown"), EXAMPLES, ids=[file for file, _ in EXAMPLES])
def test_an_example_stands_in_the_readme_as_it_is(file: str, shown: str) -> None:
    assert shown == (ROOT / file).read_text()


def test_every_link_of_the_readme_leads_somewhere() -> None:
    local = re.findall(r"\]\((?!https?:)([^)#]+)", README)

    assert [path for path in local if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("command", ["demo", "tests", "simulator"])
def test_the_commands_are_marked_and_take_one_line(command: str) -> None:
    (found,) = re.findall(rf"<!-- {command}-command -->\n```sh\n(.*?)```", README, re.DOTALL)

    assert found.count("\n") == 1
    assert found.startswith("python3 -m venv .venv && ")


def session(simulator: Simulator) -> GoPaySession:
    return GoPaySession(simulator.credentials, simulator.environment(), transport=simulator, clock=simulator.clock)


@pytest.mark.parametrize(
    ("fault", "times", "answer"),
    [(None, 0, "gopay://merchanttransfer?"), (DROP_AFTER, 3, "order-1: 03 pending")],
)
async def test_the_calling_example_answers_with_a_link_or_with_the_state(fault: Fault, times: int, answer: str) -> None:
    simulator = Simulator()
    for _ in range(times):
        simulator.faults.add(fault, on="CreatePayment")
    async with session(simulator) as gopay:
        assert (await checkout(gopay, "order-1", 10_000)).startswith(answer)


async def test_the_calling_example_says_no_where_the_provider_does() -> None:
    simulator = Simulator()
    async with session(simulator) as gopay:
        simulator.faults.add(Fault("rate-limited", processed=False), on="CreatePayment", times=None)

        assert "429" in await checkout(gopay, "order-1", 10_000)


async def test_the_paying_out_example_tells_what_became_of_each_row() -> None:
    simulator = Simulator()
    payouts = [
        TopUp(
            partner_reference_no=f"p-{number}",
            customer_number="628121111",
            customer_name="A",
            amount=Money(amount),
            notes="n",
        )
        for number, amount in enumerate((1000, 1000, 1000, 99_999_999_999))
    ]
    simulator.faults.add(DROP_AFTER, on=TopUp, nth=2)
    simulator.faults.add(DROP_BEFORE, on=TopUp, nth=3)
    async with session(simulator) as gopay:
        found = await pay_all(gopay, payouts)

    assert [one.split(":")[0].split(",")[0] for one in found] == ["accepted", "unknown", "not sent", "refused"]


async def test_the_first_payment_is_paid_in_the_page_that_it_prints() -> None:
    simulator = Simulator()
    async with serve_page(Console(simulator)) as url:
        script = await asyncio.create_subprocess_exec(
            *(sys.executable, str(ROOT / "examples/first_payment.py")),
            stdin=PIPE,
            stdout=PIPE,
            env={**os.environ, **variables(simulator, url)},
        )
        assert script.stdout is not None
        reference = (await script.stdout.readline()).decode().partition("referenceNo=")[2].partition("&")[0]
        simulator.pay(reference)
        said, _ = await script.communicate(b"\n")

    assert said == b"order-1: 00 success\n"
