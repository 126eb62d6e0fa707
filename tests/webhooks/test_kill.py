"""kill -9 of the receiving process loses nothing, and has an event handled at most once more."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from gopay_async.webhooks.samples import Delivery, Forge
from tests.keys_for_tests import MERCHANT_KEY, PROVIDER_KEY
from tests.ports import free_port
from tests.webhooks.pem import pem_of
from tests.webhooks.test_servers import wait_until_open

FORGE = Forge(PROVIDER_KEY, MERCHANT_KEY)
ROOT = Path(__file__).parents[2]


@contextmanager
def shop(url: str, where: str) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    port = free_port()
    command = [sys.executable, "-m", "tests.webhooks.shop_process", url, str(port), where]
    environment = {**os.environ, "GOPAY_NOTIFICATION_KEY": pem_of(PROVIDER_KEY), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_until_open(port, process)
            yield port, process
        finally:
            process.kill()


async def post(port: int, delivery: Delivery) -> int:
    url = f"http://127.0.0.1:{port}{delivery.path}"
    async with aiohttp.request("POST", url, headers=delivery.headers, data=delivery.body) as answer:
        return answer.status


async def post_until_accepted(port: int, delivery: Delivery) -> int:
    """Return how often it was answered with 500 before it was accepted: until the lease of the dead process ends."""
    refused = 0
    while await post(port, delivery) != 200:
        refused += 1
    return refused


async def killed_in_the_middle(url: str, where: str, delivery: Delivery) -> None:
    with shop(url, where) as (port, process):
        first = asyncio.create_task(post(port, delivery))
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == "here\n"
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(aiohttp.ClientError):
            await first


@pytest.mark.parametrize(("where", "times"), [("before", 1), ("between", 2)])
async def test_what_a_killed_process_held_is_handled_by_the_next_one(
    engine: AsyncEngine, database_url: str, where: str, times: int
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE IF EXISTS handled"))
        await connection.execute(text("CREATE TABLE handled (no VARCHAR(64))"))
    delivery = FORGE.valid("debit.paid", reference_no="A-killed")
    await killed_in_the_middle(database_url, where, delivery)
    with shop(database_url, "never") as (port, _):
        await post_until_accepted(port, delivery)
        again = await post(port, FORGE.duplicate(delivery))
    async with engine.begin() as connection:
        count = (await connection.execute(text("SELECT count(*) FROM handled"))).scalar_one()

    assert (again, count) == (200, times)
