"""Faults from a file, runs that are written down and played again, and a simulator in a thread."""

import json
import math
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from gopay_async import Money
from gopay_async.api import ApplyToken, BindAccount, CreatePayment, FetchPromotions, GiveReward, QueryTopUp, TopUp
from gopay_async.credentials import Customer
from gopay_async.errors import ConfigurationError, GoPayError, Imbalance, InvalidInput
from gopay_async.models import new_external_id
from gopay_async.simulator import FAULTS, SAMPLE_ACCOUNT, Policy, Simulator
from gopay_async.simulator.recording import RecordedSimulator, recorded_faults, replay
from gopay_async.simulator.records import SUCCESS
from gopay_async.simulator.running import running
from gopay_async.simulator.scenario import load_scenario, make_fault, read_scenario

from .keys_for_tests import MERCHANT_KEY, PROVIDER_KEY
from .simulator_for_tests import payment, send, session, signed, simulator, top_up

FILE = """
seed = 7

[policy]
balance = 5000000
settle_after = 600
top_up_limit = "2000000.00"
failing = ["6281100000001"]
refused_numbers = { "6281100000002" = "40318" }

[trouble]
duplicates = true
late = 60

[[fault]]
name = "drop-after"
on = "TopUp"
nth = 3

[[fault]]
name = "rate-limited"
times = "always"
seconds = 30

[[fault]]
name = "error"
processed = false
times = 2

[[random]]
rate = 0.05
faults = ["error", "hang"]
on = "TopUp"
"""


# --- from a file -----------------------------------------------------------------------------------------------------


def test_a_file_sets_policy_faults_and_switches(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(FILE, encoding="utf-8")
    found = load_scenario(path)

    assert (found.seed, found.policy.balance, found.policy.settle_after) == (7, Money(5_000_000), 600.0)
    assert (found.policy.failing, found.policy.refused_numbers) == ({"6281100000001"}, {"6281100000002": (403, "18")})
    assert (found.trouble.duplicates, found.trouble.late) == (True, 60.0)
    assert [(one.fault.name, one.nth, one.times, one.fault.seconds) for one in found.faults.rules] == [
        ("drop-after", 3, 1, 0.0),
        ("rate-limited", 1, None, 30.0),
        ("error", 1, 2, 0.0),
        ("error", 1, None, 0.0),
        ("hang", 1, None, 0.0),
    ]


def test_the_scenario_of_the_documentation_can_be_read(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[1] / "docs" / "simulator.md").read_text(encoding="utf-8")
    path = tmp_path / "scenario.toml"
    path.write_text(guide.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")

    assert [one.fault.name for one in load_scenario(path).faults.rules] == ["drop-after", "error", "timeout", "hang"]


@pytest.mark.parametrize("name", ["settle_after", "found_after", "refundable_after"])
def test_never_is_a_time_that_does_not_come(name: str) -> None:
    assert getattr(read_scenario(f'[policy]\n{name} = "never"').policy, name) == math.inf


async def test_a_top_up_that_never_settles_waits_however_often_it_is_asked_about() -> None:
    simulated = simulator(policy=read_scenario('[policy]\nsettle_after = "never"').policy)
    async with session(simulated) as gopay:
        await gopay.send(top_up())
        simulated.clock.advance(timedelta(days=2))
        states = [await gopay.send(QueryTopUp(original_partner_reference_no="payout-1")) for _ in range(2)]

    assert [one.status.code for one in states] == ["03", "03"]


async def test_a_payment_that_is_never_refundable_is_not_refunded() -> None:
    simulated = simulator(policy=read_scenario('[policy]\nrefundable_after = "never"').policy)
    async with session(simulated) as gopay:
        created = await gopay.send(payment())
    simulated.pay(str(created.reference_no))

    with pytest.raises(InvalidInput, match="2007"):
        simulated.refund(str(created.reference_no))


def test_a_top_up_may_be_told_never_to_settle() -> None:
    found = read_scenario("[policy]\nsettle_after = inf\nfound_after = 5")

    assert (found.policy.settle_after, found.policy.found_after) == (float("inf"), 5.0)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("seed = ", "scenario"),
        ("sed = 7", "scenario.sed"),
        ("seed = true", "seed"),
        ("policy = 7", "policy"),
        ("[policy]\nbalances = 7", "policy.balances"),
        ("[policy]\nbalance = 1.5", "policy.balance"),
        ('[policy]\nfailing = "all"', "policy.failing"),
        ("[policy]\nfailing = [7]", "policy.failing"),
        ('[policy]\nsettle_after = "soon"', "policy.settle_after"),
        ('[policy]\nbalance = "never"', "policy.balance"),
        ('[policy]\ntop_up_limit = "never"', "policy.top_up_limit"),
        ('[policy]\ntemplates = "never"', "policy.templates"),
        ('[trouble]\nlate = "never"', "trouble.late"),
        ('[policy]\nrefused_numbers = { a = "403" }', "policy.refused_numbers.a"),
        ("[trouble]\nduplicates = 1", "trouble.duplicates"),
        ("[fault]\nname = 'hang'", "fault"),
        ("[[fault]]\nnme = 'hang'", "fault[0].nme"),
        ("[[fault]]\non = 'TopUp'", "fault[0].name"),
        ("[[fault]]\nname = 'flood'", "fault"),
        ("[[fault]]\nname = 'hang'\nseconds = 5", "seconds"),
        ("[[fault]]\nname = 'truncated'\nprocessed = false", "processed"),
        ("[[fault]]\nname = 'hang'\nprocessed = 'no'", "fault[0].processed"),
        ("[[fault]]\nname = 'hang'\non = 'TopDown'", "on"),
        ("[[fault]]\nname = 'hang'\nnth = 0", "nth"),
        ("[[random]]\nrate = 2\nfaults = ['hang']", "rate"),
        ("[[random]]\nrate = 'x'\nfaults = ['hang']", "random[0].rate"),
        ("[[random]]\nrate = 0.1\nfaults = 'hang'", "random[0].faults"),
    ],
)
def test_what_a_file_says_wrongly_is_named(text: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_scenario(text)

    assert caught.value.field == field


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_asked_for_by_name(name: str) -> None:
    assert make_fault(name) == FAULTS[name]


# --- recorded --------------------------------------------------------------------------------------------------------


async def a_run(of: Simulator) -> None:
    """Let every kind of thing happen, faults and buttons included."""
    of.faults.add(FAULTS["truncated"], on=TopUp, nth=2)
    of.faults.add(FAULTS["delay"], on=CreatePayment, nth=2)
    async with session(of) as gopay:
        created = await gopay.send(payment())
        await gopay.send(payment("order-2"))
        of.pay(str(created.reference_no))
        of.refund(str(created.reference_no), amount=Money(10), reason="broken")
        for number in range(3):
            try:
                await gopay.send(top_up(f"payout-{number}"))
            except GoPayError:
                continue
        of.complete_top_up("payout-0")
        of.fund(Money(10_000_000))
        of.clock.advance(timedelta(minutes=16))
        user = await gopay.send(ApplyToken(auth_code=of.auth_code()))
        await gopay.send(GiveReward(amount=Money(5), description="x"), customer=Customer(user.auth_token))
        await gopay.send(FetchPromotions(account_id=SAMPLE_ACCOUNT, gross_amount=Money(5)))
        await gopay.send(BindAccount(auth_code=of.auth_code(of.user)))
    await send(of, evolve(signed(of, top_up(), token="x"), headers={}))
    await send(of, evolve(signed(of, top_up(), token="x"), target="/nowhere"))
    link = of.link(of.user)
    of.unlink(of.rotate(link))
    press_everything(of, [await made(of, f"order-{number}") for number in range(4)])


async def made(of: Simulator, reference: str) -> str:
    async with session(of) as gopay:
        return str((await gopay.send(payment(reference))).reference_no)


def press_everything(of: Simulator, references: list[str]) -> None:
    of.cancel(references[0])
    of.expire(references[1])
    of.fail(references[2])
    of.deny(references[3])
    of.fail_top_up("payout-1")


def recorder(path: Path, **changes: Any) -> RecordedSimulator:
    return RecordedSimulator(path, private_key=MERCHANT_KEY, notification_key=PROVIDER_KEY, **changes)


async def test_a_recorded_run_is_played_again_to_the_same_state(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorded = recorder(path)
    await a_run(recorded)
    done = await replay(path)

    assert done.departures == []
    assert done.simulator.snapshot() == recorded.snapshot()
    assert [one.body for one in done.simulator.outbox] == [one.body for one in recorded.outbox]
    done.simulator.check()


async def test_a_replay_says_where_it_went_another_way(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorded = recorder(path, seed=3)
    async with session(recorded) as gopay:
        await gopay.send(top_up())

    done = await replay(path, policy=Policy(balance=Money(1)), private_key=MERCHANT_KEY)

    (other,) = done.departures
    assert (other.operation, other.recorded[0], other.replayed[0]) == ("TopUp", 202, 403)


async def test_a_recording_is_for_its_owner_and_holds_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorded = recorder(path)
    await a_run(recorded)
    text, own = path.read_text(encoding="utf-8"), recorded.credentials

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [str(one) in text for one in (own.client_secret, own.server_key, own.mini_app_credential)] == [False] * 3
    assert "Basic" not in text


async def test_a_reset_is_recorded_too(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorded = recorder(path, seed=3)
    await made(recorded, "order-1")
    recorded.reset()
    await made(recorded, "order-2")
    done = await replay(path, private_key=MERCHANT_KEY)

    assert [one["partner_reference_no"] for one in done.simulator.snapshot()["payments"]] == ["order-2"]


async def test_what_a_button_refused_is_refused_again(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorded = recorder(path, seed=3)
    with pytest.raises(InvalidInput):
        recorded.pay("A1")
    done = await replay(path, private_key=MERCHANT_KEY)

    assert done.simulator.snapshot()["payments"] == []


async def test_the_faults_of_a_run_happen_again_to_the_same_calls(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    await a_run(recorder(path))
    plan = recorded_faults(path)

    assert [(one.fault.name, one.target, one.nth, one.times) for one in plan.rules] == [
        ("delay", "CreatePayment", 2, 1),
        ("truncated", "TopUp", 2, 1),
    ]


@pytest.mark.parametrize("text", ["", "[]", "nonsense", json.dumps({"format": 99})])
async def test_a_file_of_another_kind_is_no_recording(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InvalidInput):
        recorded_faults(path)
    with pytest.raises(InvalidInput):
        await replay(path)


# --- in a thread -----------------------------------------------------------------------------------------------------


async def test_a_simulator_in_a_thread_serves_a_program_without_a_loop() -> None:
    with running(simulator()) as found:
        async with session(found.call(lambda one: one), found.url) as gopay:
            created = await gopay.send(payment(), external_id=new_external_id())
        found.do("pay", reference=created.reference_no)
        state = found.state()
        found.check()
        found.reset()

        assert state["payments"][0]["status"] == SUCCESS
        assert found.state()["payments"] == []


def test_a_thread_turns_the_clock_sets_faults_and_delivers() -> None:
    with running(simulator()) as found, running(simulator(), page=True) as receiver:
        found.call(Simulator.link)
        found.advance(timedelta(minutes=10))
        found.advance(5)
        found.add_fault("hang", on="TopUp")
        delivered = found.deliver(f"{receiver.url}/_simulator/shop")

        assert found.state()["faults"][0]["name"] == "hang"
        assert delivered == 1


def test_what_goes_wrong_in_the_thread_is_raised_where_it_was_asked_for() -> None:
    with running(simulator()) as found:
        with pytest.raises(InvalidInput):
            found.do("pay", reference="A1")
        found.call(lambda one: setattr(one.books.payouts, "balance", one.books.payouts.balance + 1))
        with pytest.raises(Imbalance):
            found.check()


def test_a_thread_that_cannot_start_says_why() -> None:
    with running(simulator()) as found:
        second = running(simulator(), port=int(found.url.rpartition(":")[2]))
        with pytest.raises(OSError, match="in use"):
            second.__enter__()


def test_production_credentials_are_refused_before_the_thread_starts() -> None:
    production = evolve(simulator().credentials, server_key="Mid-server-abc")

    with pytest.raises(ConfigurationError), running(credentials=production):
        pytest.fail("it was served")


def test_a_thread_hands_over_what_a_client_needs() -> None:
    with running(simulator()) as found:
        assert found.variables["GOPAY_URL"] == found.url
        assert "\\n" in found.variables["GOPAY_PRIVATE_KEY"]
        assert found.variables["GOPAY_PRIVATE_KEY"] not in repr(found)


def test_notifications_of_a_thread_go_where_it_is_told_from_the_start() -> None:
    with running(simulator(), notify="http://127.0.0.1:9/") as found:
        assert found.state()["notify"] == "http://127.0.0.1:9"
