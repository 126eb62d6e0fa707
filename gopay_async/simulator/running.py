"""A simulator in a thread of its own, for programs and tests that know no event loop.  Decides nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal
from attrs import define, field

from .console import Console
from .control import serve_control
from .handover import variables
from .page import serve_page
from .scenario import make_fault
from .simulator import Simulator

T = TypeVar("T")
P = ParamSpec("P")


@define(eq=False)
class RunningSimulator:
    """A simulator that is served; its methods may be called from any thread, and wait until they are done.

    with running(seed=7) as simulator:
        start_my_program(env=simulator.variables)
        simulator.do("pay", reference="A1...")
        assert simulator.state()["payments"][0]["status"] == "00"
    """

    #: Its address.
    url: str
    #: What a client's environment needs, for `Credentials.from_env` and others.
    variables: dict[str, str] = field(repr=False)
    _console: Console = field(repr=False)
    _portal: BlockingPortal = field(repr=False)

    def call(self, function: Callable[Concatenate[Simulator, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what *function* returns for the simulator, in its own thread: `call(Simulator.pay, reference_no)`."""
        return self._portal.call(partial(function, self._console.simulator, *args, **kwargs))

    def do(self, command: str, **words: object) -> None:
        """Carry out a command of the page, such as pay, refund, complete-top-up or trouble; raise InvalidInput."""
        self._portal.call(self._console.do, command, {name: str(word) for name, word in words.items()})

    def state(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return self._portal.call(self._console.state)

    def check(self) -> None:
        """Raise Imbalance unless every rupiah is accounted for."""
        self.call(Simulator.check)

    def reset(self) -> None:
        """Forget everything that happened, and every fault; credentials, policy and the time stay."""
        self.do("reset")

    def advance(self, by: timedelta | float) -> None:
        """Turn the clock."""
        seconds = by.total_seconds() if isinstance(by, timedelta) else by
        self.do("clock", seconds=seconds)

    def add_fault(self, name: str, *, on: str | None = None, nth: int = 1, times: int | None = 1) -> None:
        """Let the fault called *name* meet the *nth* request to *on*, as `FaultPlan.add` does."""
        self.call(lambda simulator: simulator.faults.add(make_fault(name), on=on, nth=nth, times=times))

    def deliver(self, to: str) -> int:
        """Deliver the notifications that are due to the prefix *to*, and return how many were accepted."""

        async def run() -> int:
            return sum(one.accepted for one in await self._console.simulator.deliver(to, outside=True))

        return self._portal.call(run)


@contextmanager
def running(
    simulator: Simulator | None = None, *, port: int = 0, notify: str = "", page: bool = False, **options: Any
) -> Iterator[RunningSimulator]:
    """Serve *simulator*, or a new one with *options*, in a thread while the context lasts.

    *notify* is where its notifications go by themselves; *page* serves the web page too (it needs Jinja2).
    """
    console = Console(simulator or Simulator(**options), notify=notify)
    serve = serve_page if page else serve_control
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serve(console, port=port)) as url:
        yield RunningSimulator(url, variables(console.simulator, url), console, portal)
