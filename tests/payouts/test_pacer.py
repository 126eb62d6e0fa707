"""How fast requests may start: evenly, never in a burst, and how a 429 slows that down."""

import pytest
from attrs import define, field

from gopay_async.payouts.pacer import Pacer
from gopay_async.simulator import VirtualClock

from .facts import START


@define
class Paced:
    """A pacer on a clock that stands still, and what it waited for."""

    rate: float | None
    clock: VirtualClock = field(factory=lambda: VirtualClock(START))
    waits: list[float] = field(factory=list)
    pacer: Pacer = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.pacer = Pacer(self.clock, self.rate, self._rest)

    async def _rest(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def turns(self, number: int) -> list[float]:
        """Take so many turns at once, and return what was waited for."""
        for _ in range(number):
            await self.pacer.turn()
        found, self.waits = self.waits, []
        return found

    def answer(self, number: int) -> float:
        """Let so many answers be no 429; return the highest rate meanwhile."""
        rates = []
        for _ in range(number):
            self.pacer.speed_up()
            rates.append(self.pacer.rate or 0.0)
        return max(rates)


async def test_without_a_rate_nobody_waits() -> None:
    assert await Paced(None).turns(100) == []


async def test_turns_come_evenly() -> None:
    assert await Paced(4.0).turns(5) == [0.25, 0.5, 0.75, 1.0]


async def test_time_that_nobody_used_is_not_made_up_for_in_a_burst() -> None:
    paced = Paced(4.0)
    await paced.turns(1)
    paced.clock.advance(100)

    assert await paced.turns(3) == [0.25, 0.5]


async def test_it_waits_by_its_clock_where_nothing_else_is_said() -> None:
    clock = VirtualClock(START)
    pacer = Pacer(clock, 4.0)

    for _ in range(3):
        await pacer.turn()

    assert clock.monotonic() == 0.5


async def test_429_stops_everything_for_a_second_and_halves_the_rate() -> None:
    paced = Paced(10.0)
    paced.pacer.slow_down(None)

    assert paced.pacer.rate == 5.0
    assert await paced.turns(3) == pytest.approx([1.0, 1.2, 1.4])


async def test_429_stops_everything_for_as_long_as_it_says() -> None:
    paced = Paced(10.0)
    paced.pacer.slow_down(0.0)
    assert await paced.turns(2) == [0.2]

    paced.pacer.slow_down(30.0)

    assert await paced.turns(1) == [30.0]


async def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    paced = Paced(10.0)
    paced.pacer.slow_down(30.0)
    paced.pacer.slow_down(2.0)

    assert await paced.turns(1) == [30.0]


def test_429_slows_to_one_a_second_at_least() -> None:
    paced = Paced(3.0)
    rates = []
    for _ in range(3):
        paced.pacer.slow_down(0.0)
        rates.append(paced.pacer.rate)

    assert rates == [1.5, 1.0, 1.0]


def test_429_never_speeds_anything_up() -> None:
    paced = Paced(0.5)

    assert (paced.pacer.slow_down(0.0), paced.answer(1)) == (0.5, 0.5)


def test_the_first_429_without_a_rate_leaves_fifty_a_second() -> None:
    paced = Paced(None)
    paced.pacer.slow_down(0.0)

    assert paced.pacer.rate == 50.0


def test_each_answer_gives_back_a_hundredth() -> None:
    paced = Paced(100.0)
    paced.pacer.slow_down(0.0)

    assert paced.answer(2) == pytest.approx(50 * 1.01**2)


def test_a_rate_that_was_set_is_never_exceeded() -> None:
    paced = Paced(100.0)
    paced.pacer.slow_down(0.0)

    assert (paced.answer(500), paced.pacer.rate) == (100.0, 100.0)


@pytest.mark.parametrize("rate", [None, 100.0])
def test_answers_speed_nothing_up_that_was_not_slowed_down(rate: float | None) -> None:
    paced = Paced(rate)
    paced.answer(10)

    assert paced.pacer.rate == rate


async def test_without_a_rate_there_is_no_limit_again_from_a_thousand_a_second() -> None:
    paced = Paced(None)
    paced.pacer.slow_down(0.0)

    assert (paced.answer(301) < 1_000, paced.pacer.rate is None) == (True, False)
    assert (paced.answer(1), paced.pacer.rate) == (0.0, None)
    assert await paced.turns(10) == []


async def test_a_pause_lasts_though_there_is_no_limit_again() -> None:
    paced = Paced(None)
    paced.pacer.slow_down(30.0)
    paced.answer(302)

    assert (paced.pacer.rate, await paced.turns(2)) == (None, [30.0, 30.0])
