"""Ctrl-C, SIGTERM and a terminal that is closed: requests to end.  Knows no payout."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_REQUESTS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _heeded() -> list[signal.Signals]:
    # What `nohup` and `&` made the process deaf to stays unheard.
    return [one for one in _REQUESTS if signal.getsignal(one) is not signal.SIG_IGN]


def heed(act: Callable[[], object]) -> None:
    """Call *act* in the running loop at every request to end, from now on; it takes the place of the one before."""
    loop = asyncio.get_running_loop()
    for number in _heeded():
        loop.add_signal_handler(number, act)


@contextmanager
def breakable() -> Iterator[None]:
    """Let a request to end raise KeyboardInterrupt, where a question blocks the loop."""
    before = {number: signal.signal(number, _break) for number in _heeded()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _break(number: int, _: object) -> None:
    raise KeyboardInterrupt
