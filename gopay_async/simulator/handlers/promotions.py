"""Promotions of the Core API."""

from collections.abc import Mapping
from typing import Any

from ...api import FetchLinkedPromotions, FetchPromotions
from ...models import Money
from ..books import Books
from ..call import Call
from ..refusal import Refusal
from .registry import serves


@serves(FetchPromotions)
def fetch_promotions(books: Books, operation: FetchPromotions, call: Call) -> Mapping[str, Any]:
    """List the promotions of an account for an amount (fetch-promotion-gopay-tokenization page)."""
    known = books.policy.promotions.get(operation.account_id)
    if known is None:
        raise Refusal(400, message="Account doesn\u2019t exist", extra={"id": operation.account_id})
    return _listed(operation.account_id, known, operation.gross_amount)


@serves(FetchLinkedPromotions)
def fetch_linked_promotions(books: Books, operation: FetchLinkedPromotions, call: Call) -> Mapping[str, Any]:
    """List the promotions of a linked customer (same page); one without any has an empty list."""
    assert call.link is not None  # the gate has let nobody else in
    account_id = call.link.user.account_id
    return _listed(account_id, books.policy.promotions.get(account_id, []), operation.gross_amount)


def _listed(account_id: str, known: list[Mapping[str, Any]], amount: Money) -> Mapping[str, Any]:
    usable = [one for one in known if Money(one.get("minimum_applicable_amount", "0")) <= amount]
    recommended = {"recommended_promotion_id": usable[0]["id"]} if usable else {}
    return {"account_id": account_id, **recommended, "promotions": usable}
