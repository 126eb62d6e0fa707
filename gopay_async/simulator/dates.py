"""Months, which are not all equally long.  Knows the zone of the provider's days."""

from datetime import datetime, timedelta

from ..models import WIB


def months_after(moment: datetime, months: int) -> datetime:
    """Return the same day *months* on, or the last day of that month where it is shorter."""
    local = moment.astimezone(WIB)
    years, month = divmod(local.month - 1 + months, 12)
    first = local.replace(day=1, year=local.year + years, month=month + 1)
    following = (first + timedelta(days=31)).replace(day=1)
    return min(first + timedelta(days=local.day - 1), following - timedelta(days=1))


def midnight_after(moment: datetime) -> datetime:
    """Return the end of the provider's day."""
    return moment.astimezone(WIB).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def after(moment: datetime, seconds: float) -> datetime:
    """Return *moment* plus *seconds*; infinity, which timedelta would not take, is a century."""
    return moment + timedelta(seconds=min(seconds, 3_000_000_000))
