"""The machine's clock: aware, and never going back."""

from datetime import UTC, datetime, timedelta

from gopay_async.clock import SystemClock


def test_the_wall_clock_is_aware_and_in_utc() -> None:
    before, now, after = datetime.now(UTC), SystemClock().now(), datetime.now(UTC)

    assert now.utcoffset() == timedelta(0)
    assert before <= now <= after


def test_the_monotonic_clock_never_goes_back() -> None:
    clock = SystemClock()
    readings = [clock.monotonic() for _ in range(100)]

    assert readings == sorted(readings)


async def test_a_sleep_of_nothing_returns() -> None:
    clock = SystemClock()
    await clock.sleep(0)

    assert clock.monotonic() > 0
