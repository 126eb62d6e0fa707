"""Jobs run against the simulator, through faults."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gopay_async.api import TopUp
from gopay_async.payouts import How, State
from gopay_async.simulator import DROP_AFTER, ERROR_BEFORE

from .world import World, some, world


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


async def test_everybody_is_paid_once(here: World) -> None:
    ended = await here.pay(some(20))

    assert (ended.how, ended.counts[State.PAID][0]) == (How.PAID, 20)
    assert here.paid_for() == 20


async def test_what_was_paid_and_lost_is_found_and_not_sent_again(here: World) -> None:
    here.simulator.faults.add(DROP_AFTER, on=TopUp, nth=3)

    ended = await here.pay(some(5))

    assert ended.how is How.PAID
    assert here.paid_for() == 5


async def test_what_was_not_found_after_ten_minutes_is_sent_again(here: World) -> None:
    here.simulator.faults.add(ERROR_BEFORE, on=TopUp, nth=3)

    ended = await here.pay(some(5))

    assert ended.how is How.PAID
    assert here.paid_for() == 5
