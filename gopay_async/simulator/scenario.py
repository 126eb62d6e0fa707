"""A simulator's behaviour as a TOML file: settings, faults by script, faults at random.  Runs nothing."""

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import define, evolve, field, fields

from ..api import OPERATIONS
from ..errors import InvalidInput
from ..models import Money
from .faults import FAULTS, Fault, FaultPlan
from .policy import Policy
from .trouble import Trouble

#: Faults that take the place of an answer, so that the request may be processed or not.
EITHER: Final = frozenset({"hang", "reset", "error", "timeout", "bad-gateway", "wrong-content", "rate-limited"})
#: Faults with a length in seconds.
TIMED: Final = frozenset({"delay", "clock-skew", "rate-limited"})
_AMOUNTS: Final = frozenset({"balance", "wallet", "top_up_limit", "pin_from"})


@define
class Scenario:
    """What a file says; `Simulator(policy=..., faults=..., seed=...)` takes it."""

    seed: int | None = None
    policy: Policy = field(factory=Policy)
    faults: FaultPlan = field(factory=FaultPlan)
    trouble: Trouble = field(factory=Trouble)


def load_scenario(source: str | Path) -> Scenario:
    """Return what the TOML file at the path *source* says; raise InvalidInput that names the key, and OSError."""
    return read_scenario(Path(source).read_text(encoding="utf-8"))


def read_scenario(text: str) -> Scenario:
    """Return what the TOML *text* says; raise InvalidInput that names the key."""
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise InvalidInput("scenario", f"is not TOML: {problem}") from None
    _only("scenario", told, {"seed", "policy", "trouble", "fault", "random"})
    made = Scenario(seed=_whole("seed", told["seed"]) if "seed" in told else None)
    _set_policy(made.policy, _table("policy", told.get("policy", {})))
    _set_trouble(made.trouble, _table("trouble", told.get("trouble", {})))
    for place, entry in _entries("fault", told):
        _add(made.faults, place, entry)
    for place, entry in _entries("random", told):
        _add_random(made.faults, place, entry, made.seed or 0)
    return made


def make_fault(name: str, *, seconds: float | None = None, processed: bool | None = None) -> Fault:
    """Return the fault called *name*; raise InvalidInput when there is none, or not like this."""
    if name not in FAULTS:
        raise InvalidInput("fault", f"{name[:40]!r} is none of {', '.join(FAULTS)}")
    made = FAULTS[name]
    if seconds is not None:
        if name not in TIMED:
            raise InvalidInput("seconds", f"{name} has no length; {', '.join(sorted(TIMED))} have")
        made = evolve(made, seconds=seconds)
    if processed is not None and processed != made.processed:
        if name not in EITHER:
            raise InvalidInput("processed", f"{name} is always processed {'first' if made.processed else 'never'}")
        made = evolve(made, processed=processed)
    return made


def find_target(name: str) -> str | None:
    """Return the operation's name or the path *name*, None for "": every request; raise InvalidInput."""
    if not name:
        return None
    known = {one.__name__ for one in OPERATIONS} | {one.endpoint.path for one in OPERATIONS}
    if name not in known:
        raise InvalidInput("on", f"{name[:60]!r} is neither an operation nor its path")
    return name


def _add(plan: FaultPlan, place: str, entry: Mapping[str, Any]) -> None:
    _only(place, entry, {"name", "on", "nth", "times", "seconds", "processed"})
    times = entry.get("times", 1)
    plan.add(
        _fault(place, entry, _text(f"{place}.name", entry.get("name"))),
        on=find_target(_text(f"{place}.on", entry.get("on", ""))),
        nth=_whole(f"{place}.nth", entry.get("nth", 1)),
        times=None if times == "always" else _whole(f"{place}.times", times),
    )


def _add_random(plan: FaultPlan, place: str, entry: Mapping[str, Any], seed: int) -> None:
    _only(place, entry, {"rate", "faults", "on", "seed"})
    names = entry.get("faults", [])
    if not isinstance(names, list):
        raise InvalidInput(f"{place}.faults", "must be a list of names")
    plan.at_random(
        _number(f"{place}.rate", entry.get("rate")),
        *(make_fault(_text(f"{place}.faults", name)) for name in names),
        on=find_target(_text(f"{place}.on", entry.get("on", ""))),
        seed=_whole(f"{place}.seed", entry.get("seed", seed)),
    )


def _fault(place: str, entry: Mapping[str, Any], name: str) -> Fault:
    seconds, processed = entry.get("seconds"), entry.get("processed")
    return make_fault(
        name,
        seconds=None if seconds is None else _number(f"{place}.seconds", seconds),
        processed=None if processed is None else _truth(f"{place}.processed", processed),
    )


def _set_policy(policy: Policy, told: Mapping[str, Any]) -> None:
    _only("policy", told, {one.name for one in fields(Policy)} - {"promotions"})
    for name, value in told.items():
        setattr(policy, name, _POLICY.get(name, _seconds)(f"policy.{name}", value))


def _seconds(place: str, value: object) -> float:
    return math.inf if value == "never" else _number(place, value)


def _money(place: str, value: object) -> Money:
    try:
        return Money(value)  # type: ignore[arg-type]  # it checks what it is given
    except InvalidInput as problem:
        raise InvalidInput(place, problem.rule) from None


def _texts(place: str, value: object) -> set[str]:
    if not isinstance(value, list):
        raise InvalidInput(place, "must be a list of texts")
    return {_text(place, one) for one in value}


def _refused(place: str, value: object) -> dict[str, tuple[int, str]]:
    made = {}
    for number, code in _table(place, value).items():
        if not isinstance(code, str) or len(code) != 5 or not code.isdigit():
            raise InvalidInput(f"{place}.{number}", 'must be HTTP status and case, for example "40318"')
        made[number] = (int(code[:3]), code[3:])
    return made


_POLICY: Final[Mapping[str, Any]] = {
    **dict.fromkeys(_AMOUNTS, _money),
    "failing": _texts,
    "templates": _texts,
    "refused_numbers": _refused,
}


def _set_trouble(trouble: Trouble, told: Mapping[str, Any]) -> None:
    _only("trouble", told, {one.name for one in fields(Trouble)})
    for name, value in told.items():
        setattr(trouble, name, (_number if name == "late" else _truth)(f"trouble.{name}", value))


# --- what TOML may hold -----------------------------------------------------------------------------------------------


def _only(place: str, told: Mapping[str, Any], known: set[str]) -> None:
    for name in told:
        if name not in known:
            raise InvalidInput(f"{place}.{name}", f"is not known; known are {', '.join(sorted(known))}")


def _entries(name: str, told: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    entries = told.get(name, [])
    if not isinstance(entries, list):
        raise InvalidInput(name, f"must be written as [[{name}]]")
    return [(f"{name}[{number}]", _table(name, one)) for number, one in enumerate(entries)]


def _table(place: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(place, "must be a table")
    return value


def _text(place: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(place, "must be a text")
    return value


def _truth(place: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(place, "must be true or false")
    return value


def _whole(place: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(place, "must be a whole number")
    return value


def _number(place: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidInput(place, "must be a number")
    return float(value)
