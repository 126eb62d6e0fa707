"""Every sample body of the provider's pages, and for each operation one call that it documents."""

import json
import tomllib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from gopay_async import Customer, Money, wire
from gopay_async.fields import spelling
from gopay_async.models import WIB
from gopay_async.operation import Need, Operation

HERE = Path(__file__).parent


@frozen
class Sample:
    """One sample body; what the fields mean stands at the top of index.toml."""

    file: str
    of: str
    kind: str
    source: str
    status: int = 200
    error: str = ""
    changed: tuple[tuple[str, Any, str], ...] = ()
    refused: tuple[str, str] = ("", "")

    @property
    def body(self) -> bytes:
        """The bytes as given."""
        return (HERE / self.file).read_bytes()


@cache
def samples() -> tuple[Sample, ...]:
    """Return every sample, in the order of the index."""
    index = tomllib.loads((HERE / "index.toml").read_text("utf-8"))
    return tuple(Sample(**{**one, "changed": tuple(map(tuple, one.get("changed", ())))}) for one in index["sample"])


def of(name: str, kind: str) -> list[Sample]:
    """Return the samples of the operation *name* that are of *kind*."""
    return [one for one in samples() if (one.of, one.kind) == (name, kind)]


# What travels in path or query, and what a sample lacks although its own page demands it.
_GIVEN: dict[str, dict[str, Any]] = {
    "FetchPromotions": {"account_id": "00000269-7836-49e5-bc65-e592afafec14", "gross_amount": Money(100)},
    "FetchLinkedPromotions": {"gross_amount": Money(100)},
    "DeleteReminder": {"reminder_id": "<reminder_id>"},
    "FetchBalanceMutation": {
        "start_time": datetime(2026, 3, 2, tzinfo=WIB),
        "end_time": datetime(2026, 3, 16, 23, 59, 59, tzinfo=WIB),
    },
    "CollectGems": {
        "amount": Money(1000),
        "description": "Gopay gems collect",
        "metadata": {"mini_app_name": "GoPay Pet", "activity_name": "feeding"},
    },
    "QueryTopUp": {
        "original_partner_reference_no": "2021072342358089475892734",
        "original_reference_no": "2021072342358089475892091",
    },
}


def operation_of(kind: type[Operation[Any]]) -> Operation[Any]:
    """Return the call of *kind* that its page shows."""
    if kind.__name__ in _GIVEN:
        return kind(**_GIVEN[kind.__name__])
    bodies = of(kind.__name__, "request")
    return wire.structure(kind, wire.loads(bodies[0].body) if bodies else {})


def customer_for(kind: type[Operation[Any]]) -> Customer | None:
    """Return a customer where a call of *kind* needs one."""
    needed = kind.endpoint.customer is Need.REQUIRED
    return Customer("accessToken", device_id="phone") if needed else None


def leaves(value: Any, before: str = "") -> dict[str, Any]:
    """Return the leaves of a JSON value by path; empty objects and lists are leaves too."""
    if isinstance(value, dict) and value:
        return {path: leaf for key, one in value.items() for path, leaf in leaves(one, f"{before}.{key}").items()}
    if isinstance(value, list) and value:
        return {path: leaf for i, one in enumerate(value) for path, leaf in leaves(one, f"{before}[{i}]").items()}
    return {before.lstrip("."): value}


def attributes(kind: type[Any]) -> list[str]:
    """Return the names of the fields of *kind* that are on the wire."""
    return [one.name for one in attrs.fields(kind) if spelling(one)]


def parsed(sample: Sample) -> dict[str, Any]:
    """Return the body as plain JSON."""
    found: dict[str, Any] = json.loads(sample.body)
    return found
