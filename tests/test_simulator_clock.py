"""The virtual clock: it never waits, wakes sleepers in their order, and does not add up what overlaps."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gopay_async import InvalidInput
from gopay_async.simulator import VirtualClock

from .simulator_for_tests import START


def test_a_clock_with_a_start_stands_still_until_it_is_advanced() -> None:
    clock = VirtualClock(START)
    clock.advance(60)
    clock.advance(timedelta(minutes=9))

    assert (clock.now(), clock.monotonic()) == (START + timedelta(minutes=10), 600.0)


def test_a_clock_without_a_start_runs_along_with_the_machine() -> None:
    clock = VirtualClock()
    clock.advance(timedelta(days=1))
    before, now = clock.outside(), clock.now()

    assert now - before >= timedelta(days=1)
    assert datetime.now(UTC) - before < timedelta(minutes=1)
    assert clock.monotonic() >= 86_400


@pytest.mark.parametrize("by", [-1, timedelta(seconds=-1)])
def test_time_does_not_go_back(by: float) -> None:
    with pytest.raises(InvalidInput) as raised:
        VirtualClock(START).advance(by)

    assert raised.value.field == "by"


def test_a_start_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidInput) as raised:
        VirtualClock(datetime(2026, 11, 20))  # that it has no zone is the point

    assert raised.value.field == "start"


async def test_a_sleep_of_ten_minutes_takes_no_time_and_moves_the_clock() -> None:
    clock = VirtualClock(START)
    await clock.sleep(600)

    assert clock.now() == START + timedelta(minutes=10)


async def test_sleeps_that_overlap_are_not_added_up() -> None:
    clock = VirtualClock(START)
    await asyncio.gather(*(clock.sleep(600) for _ in range(50)))

    assert clock.now() == START + timedelta(minutes=10)


async def test_the_shorter_sleep_ends_first_and_sees_its_own_time() -> None:
    clock, woken = VirtualClock(START), []

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, clock.now() - START))

    await asyncio.gather(sleep(600), sleep(1))

    assert woken == [(1, timedelta(seconds=1)), (600, timedelta(seconds=600))]


async def test_a_sleep_that_time_has_overtaken_does_not_turn_the_clock_back() -> None:
    clock = VirtualClock(START)
    sleep = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    clock.advance(60)
    await sleep

    assert clock.now() == START + timedelta(minutes=1)


async def test_a_cancelled_sleeper_leaves_the_others_alone() -> None:
    clock = VirtualClock(START)
    first, second = asyncio.create_task(clock.sleep(1)), asyncio.create_task(clock.sleep(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait({first, second})

    assert (first.cancelled(), clock.now()) == (True, START + timedelta(seconds=2))


def test_a_clock_can_go_on_in_another_loop() -> None:
    clock = VirtualClock(START)
    asyncio.run(_leave_sleeping(clock))
    asyncio.run(clock.sleep(5))

    assert clock.now() == START + timedelta(seconds=5)


async def _leave_sleeping(clock: VirtualClock) -> None:
    sleep = asyncio.create_task(clock.sleep(60))
    await asyncio.sleep(0)
    sleep.cancel()


def test_its_repr_tells_the_time() -> None:
    assert repr(VirtualClock(START)) == "<VirtualClock 2026-11-20T05:00:00+00:00>"
