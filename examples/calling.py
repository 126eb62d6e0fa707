"""Create a payment and ask what became of it."""

from gopay_async import GoPaySession, Money, OutcomeUnknown, Refused, new_external_id
from gopay_async.api import CreatePayment, QueryPayment
from gopay_async.launch import launch_deeplink


async def checkout(gopay: GoPaySession, order_no: str, rupiah: int) -> str:
    external_id = new_external_id()  # first the id: store it with the order, then send
    order = CreatePayment(partner_reference_no=order_no, amount=Money(rupiah))
    try:
        payment = await gopay.send(order, external_id=external_id)
    except OutcomeUnknown as unknown:  # it may exist: ask, never send it again with a new id
        state = await gopay.send(QueryPayment(original_external_id=unknown.external_id))
        return f"{order_no}: {state.status}"
    except Refused as refused:  # a definite no: nothing moved
        return f"{order_no}: {refused.code} {refused.message}"
    return launch_deeplink(payment.web_redirect_url)
