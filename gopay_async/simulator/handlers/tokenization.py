"""Linked accounts: binding, its inquiry, unbinding."""

from collections.abc import Mapping
from typing import Any

from ...api import AccountBound, AccountUnbound, BindAccount, QueryBinding, UnbindAccount
from ..books import Books
from ..call import Call
from ..envelope import PROCESSED, Said
from ..records import Link
from ..refusal import BadField, Defect, Refusal
from .registry import serves


@serves(BindAccount)
def bind_account(books: Books, operation: BindAccount, call: Call) -> Said:
    """Exchange an auth code for a customer token, once (binding-api page)."""
    user = books.people.redeem(operation.auth_code, call.at)
    if user is None:
        raise Refusal(404, "11", "Invalid Customer AuthCode")
    link = books.people.link(user, call.at)
    return Said(AccountBound(access_token=link.token, reference_no=books.ids.uuid()), PROCESSED)


@serves(QueryBinding)
def query_binding(books: Books, operation: QueryBinding, call: Call) -> Mapping[str, Any]:
    """Tell a linked customer's ways to pay (binding-inquiry-api page); balances are numbers here (quirk Q-AMT-1)."""
    link = _linked(books, operation, call)
    options = [
        {
            "name": one.name,
            "active": True,
            "balance": {"value": int(one.balance.value), "currency": "IDR"},
            "token": one.token,
        }
        for one in link.user.options
    ]
    info = {"accessToken": link.token, "paymentType": "gopay", "paymentOptions": options}
    return {"referenceNo": books.ids.uuid(), "additionalInfo": info}


def _linked(books: Books, operation: QueryBinding, call: Call) -> Link:
    if (call.link is None) == (operation.account_id is None):
        # Not documented: what is answered when both are given, or none.
        raise BadField(Defect.MISSING, "additionalInfo.accountId", "or Authorization-Customer, one of the two")
    user = call.link.user if call.link else books.people.find_account(operation.account_id or "")
    link = books.people.current(user) if user else None
    if link is None:
        raise Refusal(403, "18")
    return link


@serves(UnbindAccount)
def unbind_account(books: Books, operation: UnbindAccount, call: Call) -> Said:
    """Unlink a customer (unbind-api page); the token is rejected from now on."""
    assert call.link is not None  # the gate has let nobody else in
    books.people.unlink(call.link, call.at)
    return Said(AccountUnbound(reference_no=books.ids.uuid()), PROCESSED)
