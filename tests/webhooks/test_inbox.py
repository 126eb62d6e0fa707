"""The durable inbox: what was acknowledged is handled, whatever happens to the process."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gopay_async import ConfigurationError
from gopay_async.errors import StoreFailed
from gopay_async.webhooks import (
    DebitNotification,
    LinkingNotification,
    NotificationApp,
    NotificationVerifier,
    PayoutNotification,
    PayoutVerifier,
    sign_notification,
    sign_payout,
)
from gopay_async.webhooks.database import INBOX, open_engine
from gopay_async.webhooks.inbox import Inbox
from tests.keys_for_tests import PROVIDER_KEY
from tests.webhooks.events import Shop, body, notification, post, verifier

OK = (200, "2005600")
NOW_AGAIN = (timedelta(0), timedelta(0))
LINKING = "/v1.0/registration-account/notify"


@pytest.fixture
async def inbox(engine: AsyncEngine) -> Inbox:
    return Inbox(engine, delays=NOW_AGAIN)


async def test_what_was_acknowledged_is_handled_later_as_it_was_received(inbox: Inbox) -> None:
    shop = Shop()

    assert await post(NotificationApp(verifier(), inbox), body()) == (200, "2005600")
    assert await inbox.work(shop) == 1
    (seen,) = shop.seen
    assert isinstance(seen, DebitNotification)
    assert (seen.body, seen.key, seen.path) == (body(), "key-1", "/v1.0/debit/notify")
    assert (seen, seen.identity) == (notification_like(seen), notification().identity)


def notification_like(seen: DebitNotification) -> DebitNotification:
    headers = sign_notification(body(), PROVIDER_KEY, timestamp=seen.timestamp, external_id=seen.external_id)
    found = verifier().verify(headers=headers, body=body())
    assert isinstance(found, DebitNotification)
    return found


async def test_an_event_is_stored_once_and_never_again(inbox: Inbox) -> None:
    shop = Shop()
    for _ in range(3):
        await inbox(notification())
        await inbox.work(shop)

    assert len(shop.seen) == 1


async def test_a_failure_is_tried_again_and_then_set_aside(inbox: Inbox) -> None:
    shop = Shop(errors=[ValueError("secret text")] * 9)
    await inbox(notification())

    assert await inbox.work(shop) == 3
    (letter,) = await inbox.dead()
    assert (letter.kind, letter.attempts, letter.problem) == ("debit", 3, "ValueError")


async def test_a_dead_letter_is_handled_after_a_re_drive(inbox: Inbox) -> None:
    await inbox(notification())
    await inbox.work(Shop(errors=[ValueError()] * 3))
    shop = Shop()

    assert (await inbox.redrive(), await inbox.work(shop)) == (1, 1)
    assert (len(shop.seen), await inbox.dead(), await inbox.waiting()) == (1, [], 0)


async def test_only_the_named_dead_letters_are_brought_back(inbox: Inbox) -> None:
    for number in ("A", "B"):
        await inbox(notification(number=number))
    await inbox.work(Shop(errors=[ValueError()] * 6))
    first, second = await inbox.dead()

    assert await inbox.redrive(second.id) == 1
    assert await inbox.dead() == [first]


async def test_one_poison_message_does_not_block_the_others(engine: AsyncEngine) -> None:
    inbox, seen = Inbox(engine, delays=[timedelta(hours=1)]), []

    async def handler(given: DebitNotification) -> None:
        if given.original_reference_no == "poison":
            raise ValueError
        seen.append(given.original_reference_no)

    for number in ("poison", "B", "C"):
        await inbox(notification(number=number))
    await inbox.work(handler)

    assert (seen, await inbox.waiting()) == (["B", "C"], 1)


async def test_whitespace_that_breaks_what_was_received_breaks_nothing_that_was_signed(inbox: Inbox) -> None:
    shop, sent = Shop(), body().replace(b'"10000.00"', b"10000")
    headers = sign_notification(sent, PROVIDER_KEY)

    assert await post(NotificationApp(verifier(), inbox), sent.replace(b"10000", b"1 0000"), headers=headers) == OK
    assert (await inbox.work(shop), [one.raw["amount"]["value"] for one in shop.seen]) == (1, [10_000])


async def test_a_handler_whose_own_work_is_cancelled_ends_no_worker(inbox: Inbox) -> None:
    attempts, seen = asyncio.Queue[int](), []

    async def handler(given: object) -> None:
        seen.append(given)
        await attempts.put(len(seen))
        if len(seen) == 1:
            raise asyncio.CancelledError

    async with inbox.worker(handler, concurrency=1, poll=0.01):
        await inbox(notification())
        assert [await attempts.get() for _ in range(2)] == [1, 2]

    assert (await inbox.waiting(), await inbox.dead()) == (0, [])


async def test_an_attempt_that_died_with_its_process_is_made_again_after_the_lease(
    inbox: Inbox, engine: AsyncEngine
) -> None:
    await inbox(notification())
    assert await inbox._next() is not None
    assert await inbox.work(Shop()) == 0
    await lease_ends(engine)
    shop = Shop()

    assert (await inbox.work(shop), len(shop.seen)) == (1, 1)


async def lease_ends(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(update(INBOX).values(until=0))


async def test_what_kills_the_process_every_time_is_set_aside_too(inbox: Inbox, engine: AsyncEngine) -> None:
    await inbox(notification())
    for _ in range(3):
        assert await inbox._next() is not None
        await lease_ends(engine)

    assert await inbox.work(Shop()) == 0
    assert [one.problem for one in await inbox.dead()] == ["died with the process"]


async def test_whoever_lost_the_lease_does_not_end_what_another_handles(inbox: Inbox, engine: AsyncEngine) -> None:
    await inbox(notification())
    late = await inbox._next()
    assert late is not None
    await lease_ends(engine)
    assert await inbox._next() is not None
    await inbox._failed(late, "Late")

    assert (await inbox.waiting(), await inbox.work(Shop())) == (1, 0)


async def test_a_handler_that_hangs_is_stopped_and_counted(engine: AsyncEngine) -> None:
    inbox = Inbox(engine, limit=0.01, delays=())

    async def handler(given: object) -> None:
        await asyncio.Event().wait()

    await inbox(notification())
    await inbox.work(handler)

    assert [one.problem for one in await inbox.dead()] == ["TimeoutError"]


async def test_workers_handle_what_arrives_and_finish_what_runs(inbox: Inbox) -> None:
    done, numbers = asyncio.Queue[str](), {f"N{number}" for number in range(20)}

    async def handler(given: DebitNotification) -> None:
        await done.put(given.original_reference_no)

    async with inbox.worker(handler, poll=0.05):
        for number in numbers:
            await inbox(notification(number=number))
        found = {await done.get() for _ in numbers}

    assert (found, await inbox.waiting()) == (numbers, 0)


async def test_a_worker_survives_a_database_that_is_away_and_then_finds_what_another_process_stored(
    inbox: Inbox, engine: AsyncEngine, database_url: str
) -> None:
    found, other = asyncio.Queue[str](), open_engine(database_url)

    async def handler(given: DebitNotification) -> None:
        await found.put(given.original_reference_no)

    await rename(engine, "gopay_inbox", "elsewhere")
    with said("the inbox failed") as failed:
        async with inbox.worker(handler, concurrency=1, poll=0.01):
            await failed.wait()
            await rename(engine, "elsewhere", "gopay_inbox")
            # Nothing tells this worker of it: it must look by itself.
            await Inbox(other)(notification(number="A-other"))
            assert await found.get() == "A-other"
    await other.dispose()

    assert await inbox.waiting() == 0


async def rename(engine: AsyncEngine, old: str, new: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


@contextmanager
def said(words: str) -> Iterator[asyncio.Event]:
    """Yield what is set as soon as the receiver logs *words*."""
    heard = asyncio.Event()

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if words in record.getMessage():
                heard.set()

    listening = Listening()
    logging.getLogger("gopay_async.webhooks").addHandler(listening)
    try:
        yield heard
    finally:
        logging.getLogger("gopay_async.webhooks").removeHandler(listening)


async def test_a_database_that_is_away_is_answered_with_500_and_shows_no_body(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = NotificationApp(verifier(), Inbox(create_async_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")))

    assert await post(app, body(number="A-SECRET-NUMBER")) == (500, "5005600")
    assert "A-SECRET-NUMBER" not in caplog.text


async def test_a_socket_of_the_database_that_fails_is_a_store_that_fails() -> None:
    async def refused() -> None:
        raise ConnectionRefusedError(111, "a secret host")

    engine = create_async_engine("sqlite+aiosqlite://", async_creator=refused)

    with pytest.raises(StoreFailed, match="ConnectionRefusedError") as caught:
        await Inbox(engine)(notification())
    assert "a secret host" not in str(caught.value)


async def test_an_error_of_the_database_shows_no_parameter(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE gopay_inbox"))

    with pytest.raises(StoreFailed) as caught:
        await Inbox(engine)(notification(number="A-SECRET-NUMBER"))

    assert caught.value.__suppress_context__
    assert "A-SECRET-NUMBER" not in str(caught.value)


LINKED = json.dumps({"additionalInfo": {"accessToken": "customer-token", "accountStatus": "ENABLED"}}).encode()


async def test_a_customer_token_is_never_stored_in_clear(engine: AsyncEngine) -> None:
    inbox, shop = Inbox(engine, seal=Fernet.generate_key()), Shop()
    app = NotificationApp(NotificationVerifier(PROVIDER_KEY.public_key(), path=LINKING), inbox)

    assert await post(app, LINKED, path=LINKING) == (200, "2008800")
    async with engine.begin() as connection:
        stored = str((await connection.execute(INBOX.select())).all())
    await inbox.work(shop)
    (seen,) = shop.seen
    assert "customer-token" not in stored
    assert isinstance(seen, LinkingNotification)
    assert seen.access_token == "customer-token"


def test_without_a_seal_linking_is_refused_when_the_application_is_made(engine: AsyncEngine) -> None:
    with pytest.raises(ConfigurationError, match="seal"):
        NotificationApp(NotificationVerifier(PROVIDER_KEY.public_key(), path=LINKING), Inbox(engine))


async def test_a_body_that_cannot_be_opened_is_set_aside_and_not_lost(engine: AsyncEngine) -> None:
    await Inbox(engine, seal=Fernet.generate_key())(notification())
    other, none = Inbox(engine, seal=Fernet.generate_key(), delays=()), Inbox(engine, delays=())
    await other.work(Shop())
    await other.redrive()
    await none.work(Shop())

    assert [one.problem for one in await none.dead()] == ["ConfigurationError"]


async def test_an_old_seal_still_opens(engine: AsyncEngine) -> None:
    old, new, shop = Fernet.generate_key(), Fernet.generate_key(), Shop()
    await Inbox(engine, seal=old)(notification())

    await Inbox(engine, seal=[new, old]).work(shop)

    assert [one.body for one in shop.seen] == [body()]


@pytest.mark.parametrize("changes", [{"seal": "short"}, {"limit": 60.0}, {"limit": 0.0}])
async def test_an_inbox_that_could_not_work_is_refused_when_it_is_made(engine: AsyncEngine, changes: Any) -> None:
    with pytest.raises(ConfigurationError):
        Inbox(engine, **changes)


async def test_payouts_go_through_the_inbox_without_another_store(engine: AsyncEngine) -> None:
    inbox, shop = Inbox(engine), Shop()
    sent = b'{"reference_no":"p1","status":"completed","amount":"1.00","updated_at":"2026-11-20T12:00:00Z"}'
    app = NotificationApp(PayoutVerifier("iris"), inbox)

    answer = await post(app, sent, path="/payouts/notify", headers=sign_payout(sent, "iris"))
    await inbox.work(shop)

    assert (answer, [type(one) for one in shop.seen]) == ((200, "2005600"), [PayoutNotification])


async def test_a_body_is_dropped_once_it_is_handled(inbox: Inbox, engine: AsyncEngine) -> None:
    await inbox(notification())
    await inbox.work(Shop())

    async with engine.begin() as connection:
        (row,) = (await connection.execute(INBOX.select())).all()

    assert (row.state, bytes(row.body)) == ("done", b"")
