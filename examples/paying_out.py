"""Pay out concurrently, and settle what is not known."""

import asyncio

from gopay_async import GoPaySession, NotSent, OutcomeUnknown, Refused, new_external_id
from gopay_async.api import TopUp


async def pay(gopay: GoPaySession, payout: TopUp) -> str:
    external_id = new_external_id()  # commit it to your database before you send
    try:
        await gopay.send(payout, external_id=external_id)
    except OutcomeUnknown as unknown:  # may be paid: ask after ten minutes, do not send again
        return f"unknown, ask {unknown.inquiry!r} after {unknown.ask_after}"
    except NotSent:  # proved: no byte left
        return "not sent"
    except Refused as refused:
        return f"refused: {refused.code} {refused.message}"
    return "accepted"  # not paid yet: the payout notification or an inquiry tells


async def pay_all(gopay: GoPaySession, payouts: list[TopUp]) -> list[str]:
    return await asyncio.gather(*(pay(gopay, payout) for payout in payouts))
