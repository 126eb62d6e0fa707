"""Create a payment at the simulator, and ask what became of it."""

import asyncio
import os

from gopay_async import Credentials, Environment, GoPaySession, Money, new_external_id
from gopay_async.api import CreatePayment, QueryPayment


async def main() -> None:
    environment = Environment.at(os.environ["GOPAY_URL"])
    order = CreatePayment(partner_reference_no="order-1", amount=Money(25_000))
    async with GoPaySession(Credentials.from_env(), environment) as gopay:
        external_id = new_external_id()
        payment = await gopay.send(order, external_id=external_id)
        print("Open this, press Pay, and then Enter here:", payment.web_redirect_url, flush=True)
        await asyncio.to_thread(input)
        state = await gopay.send(QueryPayment(original_external_id=external_id))
        print(f"{order.partner_reference_no}: {state.status}")


if __name__ == "__main__":
    asyncio.run(main())
