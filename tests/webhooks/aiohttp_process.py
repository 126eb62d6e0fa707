"""The aiohttp example as a process of its own: `python -m tests.webhooks.aiohttp_process PORT`.

As in the matrix, GET /orders answers with 200 if the order of the example is paid, with 409 if not.
"""

import sys

from aiohttp import web

from examples.receiving_aiohttp import app, orders


async def tell(request: web.Request) -> web.Response:
    return web.Response(status=200 if orders["GOPAY-REFERENCE"]["paid"] else 409)


if __name__ == "__main__":
    app.router.add_get("/orders", tell)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
