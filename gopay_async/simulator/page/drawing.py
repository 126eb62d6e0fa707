"""Templates and what they are given.  Escapes everything; knows no route."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from ...api import OPERATIONS
from ...models import WIB, Money, TransactionStatus
from ..console import Console, describe
from ..control import PREFIX
from ..faults import FAULTS
from ..records import AUTHORIZED, PENDING, SUCCESS, Payment, Payout
from ..scenario import EITHER, TIMED
from ..veil import veil_of
from ..verdict import code_of, why
from .words import FAULT_WORDS

#: Rows of each table.
ROWS: Final = 50
_NAMES: Final = tuple(sorted(one.__name__ for one in OPERATIONS))


class Drawing:
    """The templates, for one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._environment = Environment(
            loader=PackageLoader("gopay_async.simulator.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(rupiah=rupiah, moment=moment, minute=minute, status=status, spaces=visible)
        self._environment.globals.update(
            prefix=PREFIX,
            form_token=console.form_token,
            rows=ROWS,
            faults=FAULT_WORDS,
            known_faults=tuple(FAULTS),
            either=EITHER,
            timed=TIMED,
            operations=_NAMES,
            on_payment=on_payment,
            on_top_up=on_top_up,
            describe=describe,
            veil=veil_of,
            code=code_of,
            why=why,
        )

    def draw(self, template: str, **values: Any) -> str:
        """Return *template* with *values*, and with the state as it is now."""
        simulator = self._console.simulator
        simulator.run()
        return self._environment.get_template(template).render(
            simulator=simulator, console=self._console, now=simulator.clock.now(), **values
        )


def rupiah(amount: Money | Decimal) -> str:
    """Write an amount as people in Indonesia do: Rp 12.500, and sen only where there are some."""
    value = amount.value if isinstance(amount, Money) else amount
    text = f"{value:,.2f}".removesuffix(".00")
    return "Rp " + text.translate(str.maketrans(",.", ".,"))


def moment(at: datetime) -> str:
    """Write a time as the provider's clocks show it."""
    return at.astimezone(WIB).strftime("%d %b %Y %H:%M:%S")


def minute(at: datetime) -> str:
    """Write a time without its seconds, so that nothing is drawn again because one has passed."""
    return at.astimezone(WIB).strftime("%d %b %Y %H:%M")


def status(code: str) -> str:
    """Write a status in words."""
    return _STATUSES.get(code) or TransactionStatus(code).meaning


_STATUSES: Final[Mapping[str, str]] = {SUCCESS: "paid", AUTHORIZED: "authorised", PENDING: "waiting"}
_VISIBLE: Final = str.maketrans({" ": "␣", "\n": "⏎", "\r": "␍", "\t": "⇥"})


def visible(text: str) -> str:
    """Make the spaces of a difference visible."""
    return text.translate(_VISIBLE)


def on_payment(payment: Payment) -> tuple[str, ...]:
    """Return what may happen to *payment* now."""
    if payment.status == PENDING:
        return ("pay", "cancel", "expire", "fail", "deny")
    if payment.status == AUTHORIZED:
        return ("expire",)
    return ("refund",) if payment.is_paid and payment.refunded < payment.amount else ()


def on_top_up(payout: Payout) -> tuple[str, ...]:
    """Return what may happen to *payout* now."""
    return {PENDING: ("complete", "fail"), SUCCESS: ("fail",)}.get(payout.status, ())
