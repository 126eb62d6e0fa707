"""The application around the verifier: what it refuses to be made of, what it answers, what it tells the operator."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from gopay_async import ConfigurationError
from gopay_async.errors import StoreFailed
from gopay_async.webhooks import (
    MemoryReplayStore,
    NotificationApp,
    NotificationVerifier,
    PayoutVerifier,
    sign_notification,
    sign_payout,
)
from gopay_async.webhooks.replay import Claim, Standing
from tests.keys_for_tests import MERCHANT_KEY, PROVIDER_KEY
from tests.webhooks.events import PATH, Shop, body, post, receiving, sending, verifier

OK, FAILED = (200, "2005600"), (500, "5005600")
PAYOUT = b'{"reference_no":"p1","status":"completed","amount":"1.00","updated_at":"2026-11-20T12:00:00Z"}'


@pytest.mark.parametrize(
    ("verifiers", "options", "words"),
    [
        (verifier(), {"store": MemoryReplayStore(keeps=timedelta(hours=6))}, "forgets"),
        (verifier(max_age=timedelta(days=2)), {"store": MemoryReplayStore()}, "forgets"),
        (PayoutVerifier("iris"), {}, "for ever"),
        ([verifier(), PayoutVerifier("iris")], {}, "for ever"),
        (verifier(), {"handler_timeout": 30.0}, "lease"),
        (verifier(), {"handler_timeout": 0.0}, "lease"),
    ],
)
def test_what_could_lose_or_repeat_an_event_is_refused_when_it_is_made(
    verifiers: Any, options: Any, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        NotificationApp(verifiers, Shop(), **options)


def test_a_store_that_keeps_exactly_long_enough_is_taken() -> None:
    NotificationApp(verifier(), Shop(), store=MemoryReplayStore(keeps=timedelta(hours=6, minutes=5)))


async def test_the_memory_that_is_made_by_itself_keeps_longer_than_any_verifier_needs() -> None:
    app = NotificationApp(verifier(max_age=timedelta(days=9)), Shop())

    assert app._handling.store.keeps == timedelta(days=18, minutes=10)


async def test_kinds_share_one_mount_and_each_has_its_own_envelope() -> None:
    shop, paths = Shop(), ["/v1.0/debit/notify", "/v1.0/qr/qr-mpm-notify", "/v1.0/registration-account/notify"]
    rsa = [NotificationVerifier(PROVIDER_KEY.public_key(), path=path) for path in paths]
    app = NotificationApp([*rsa, PayoutVerifier("iris")], shop, store=MemoryReplayStore())
    linked = b'{"additionalInfo":{"accessToken":"t","accountStatus":"ENABLED"}}'

    answers = [await post(app, sent, path=path) for path, sent in zip(paths, [body(), body(), linked], strict=True)]
    answers.append(await post(app, PAYOUT, path="/payouts/notify", headers=sign_payout(PAYOUT, "iris")))
    refused = await post(app, body(), path=paths[1], headers=sign_notification(body(), MERCHANT_KEY))

    assert [one[1] for one in answers] == ["2005600", "2005200", "2008800", "2005600"]
    assert ([one.kind for one in shop.seen], refused) == (["debit", "qris", "linking", "payout"], (401, "4015200"))


async def test_the_kind_is_that_of_the_signed_path_whatever_the_route() -> None:
    shop = Shop()
    both = [verifier(), NotificationVerifier(PROVIDER_KEY.public_key(), path="/v1.0/qr/qr-mpm-notify")]
    sent = body()

    answer = await post(
        NotificationApp(both, shop),
        sent,
        root_path="/gopay",
        path="/gopay",
        headers=sign_notification(sent, PROVIDER_KEY, path="/v1.0/qr/qr-mpm-notify"),
    )

    assert (answer, [one.kind for one in shop.seen]) == ((200, "2005200"), ["qris"])


@pytest.mark.parametrize("signed", ["/v1.0/debit/notify", "/1.0/debit/notify"])
@pytest.mark.parametrize("route", ["/v1.0/debit/notify", "/1.0/debit/notify"])
async def test_a_route_may_be_spelled_otherwise_than_it_is_signed(route: str, signed: str) -> None:
    shop = Shop()
    both = [NotificationVerifier(PROVIDER_KEY.public_key(), path=one) for one in ("/v1.0/debit/notify", signed)]

    answer = await post(
        NotificationApp(both, shop), body(), path=route, headers=sign_notification(body(), PROVIDER_KEY, path=signed)
    )

    assert (answer, [one.kind for one in shop.seen]) == (OK, ["debit"])


async def test_a_route_of_another_kind_is_not_found() -> None:
    app = NotificationApp(verifier(), Shop())

    assert (await post(app, body(), path="/v1.0/qr/qr-mpm-notify"))[0] == 404
    assert (await post(app, body(), path="/hooks"))[0] == 404


async def test_a_repeat_with_another_id_and_time_is_acknowledged_and_not_handled_again() -> None:
    shop = Shop()
    app = NotificationApp(verifier(), shop)

    assert [await post(app, body()), await post(app, body()), await post(app, body("04"))] == [OK, OK, OK]
    assert [one.raw["latestTransactionStatus"] for one in shop.seen] == ["00", "04"]


async def test_what_failed_is_handled_at_the_next_delivery() -> None:
    shop = Shop(errors=[RuntimeError()])
    app = NotificationApp(verifier(), shop)

    assert [await post(app, body()), await post(app, body()), await post(app, body())] == [FAILED, OK, OK]
    assert len(shop.seen) == 2


async def test_a_handler_that_hangs_is_stopped_and_the_claim_released() -> None:
    shop, store = Shop(), MemoryReplayStore()

    async def hang(given: object) -> None:
        await asyncio.Event().wait()

    impatient = NotificationApp(verifier(), hang, store=store, handler_timeout=0.02)
    assert await post(impatient, body()) == FAILED

    assert [await post(NotificationApp(verifier(), shop, store=store), body()), len(shop.seen)] == [OK, 1]


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_duplicate_waits_no_longer_than_patience_and_never_gets_200(processes: int) -> None:
    started, release, store = asyncio.Event(), asyncio.Event(), MemoryReplayStore()

    async def handler(given: object) -> None:
        started.set()
        await release.wait()

    apps = [NotificationApp(verifier(), handler, store=store, patience=0.05) for _ in range(processes)]
    first = asyncio.create_task(post(apps[0], body()))
    await started.wait()
    second = await post(apps[-1], body())
    release.set()

    assert (second, await first) == (FAILED, OK)


async def test_a_duplicate_gets_the_result_of_the_first_without_the_handler() -> None:
    started, release, calls = asyncio.Event(), asyncio.Event(), []

    async def handler(given: object) -> None:
        calls.append(given)
        started.set()
        await release.wait()

    app = NotificationApp(verifier(), handler)
    first = asyncio.create_task(post(app, body()))
    await started.wait()
    others = [asyncio.create_task(post(app, body())) for _ in range(5)]
    await asyncio.sleep(0)
    release.set()

    assert ([await one for one in (first, *others)], len(calls)) == ([OK] * 6, 1)


async def test_a_duplicate_in_the_same_process_is_handled_when_the_first_one_fails() -> None:
    started, fail, calls = asyncio.Event(), asyncio.Event(), []

    async def handler(given: object) -> None:
        calls.append(given)
        if len(calls) == 1:
            started.set()
            await fail.wait()
            raise RuntimeError

    app = NotificationApp(verifier(), handler)
    first = asyncio.create_task(post(app, body()))
    await started.wait()
    second = asyncio.create_task(post(app, body()))
    await asyncio.sleep(0)
    fail.set()

    assert (await first, await second, len(calls)) == (FAILED, OK, 2)


class Broken(MemoryReplayStore):
    """Fails where it is told to."""

    def __init__(self, place: str, error: Exception) -> None:
        super().__init__()
        self.place, self.error = place, error

    async def claim(self, key: str, *, lease: timedelta, for_good: bool = False) -> Claim | Standing:
        if self.place == "claim":
            raise self.error
        return await super().claim(key, lease=lease, for_good=for_good)

    async def commit(self, claim: Claim) -> bool:
        if self.place == "commit":
            raise self.error
        return self.place != "lost"


BROKEN = "the replay store failed ({0.__class__.__name__})"
LOST = "the lease of DebitNotification ran out while it was handled"


@pytest.mark.parametrize(("place", "calls", "words"), [("claim", 0, BROKEN), ("commit", 1, BROKEN), ("lost", 1, LOST)])
@pytest.mark.parametrize("error", [StoreFailed("store", "down"), OSError("a secret")])
async def test_a_store_that_fails_is_never_answered_with_200_and_the_operator_is_told(
    place: str, calls: int, words: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop()

    assert await post(NotificationApp(verifier(), shop, store=Broken(place, error)), body()) == FAILED
    assert len(shop.seen) == calls
    assert "a secret" not in caplog.text
    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == [words.format(error)]


async def test_the_claim_is_released_when_the_loop_cancels_the_handler() -> None:
    started, store = asyncio.Event(), MemoryReplayStore()

    async def handler(given: object) -> None:
        started.set()
        await asyncio.Event().wait()

    app = NotificationApp(verifier(), handler, store=store)
    request = asyncio.create_task(post(app, body()))
    await started.wait()
    (running,) = app._handling.running.values()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request

    assert await post(NotificationApp(verifier(), Shop(), store=store), body()) == OK


async def test_a_handler_whose_own_work_is_cancelled_has_failed_and_the_request_is_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = []

    async def handler(given: object) -> None:
        calls.append(given)
        if len(calls) == 1:
            raise asyncio.CancelledError

    app = NotificationApp(verifier(), handler)

    assert ([await post(app, body()), await post(app, body())], len(calls)) == ([FAILED, OK], 2)
    assert "HandlerCancelled: something that the handler awaited was cancelled\n" in caplog.text + "\n"


@pytest.mark.parametrize("misfit", [{}, {"refundHistory": "?"}], ids=["typed", "with a field that cannot be read"])
async def test_whitespace_that_a_stranger_adds_makes_no_second_event(misfit: Any) -> None:
    shop, sent = Shop(), body(**misfit)
    app, headers = NotificationApp(verifier(), shop), sign_notification(sent, PROVIDER_KEY)
    answers = [await post(app, sent.replace(b":", b":" + b" " * count), headers=headers) for count in range(3)]

    assert (answers, len(shop.seen)) == ([OK] * 3, 1)


async def test_whitespace_makes_no_second_event_of_what_is_not_recognised() -> None:
    shop, path = Shop(), "/v1.0/tomorrow/notify"
    app, headers = NotificationApp(verifier(path=path), shop), sign_notification(b"{}", PROVIDER_KEY, path=path)
    answers = [await post(app, sent, headers=headers, path=path) for sent in (b"{}", b"{ }", b"{\n}")]

    assert (answers, len(shop.seen)) == ([OK] * 3, 1)


async def test_a_closing_application_takes_nothing_new_and_waits_for_what_runs() -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def handler(given: object) -> None:
        started.set()
        await release.wait()

    app = NotificationApp(verifier(), handler)
    running = asyncio.create_task(post(app, body()))
    await started.wait()
    late = await app.aclose(timeout=0.01)
    refused = await post(app, body("04"))
    release.set()

    assert (late, refused, await app.aclose(), await running) == (False, FAILED, True, OK)


async def test_what_is_still_being_read_when_the_application_closes_is_not_handled_after_its_end() -> None:
    reading, rest, shop, out = asyncio.Event(), asyncio.Queue[dict[str, Any]](), Shop(), list[Any]()
    app = NotificationApp(verifier(), shop)

    async def receive() -> dict[str, Any]:
        reading.set()
        return await rest.get()

    pairs = [(name.lower().encode(), value.encode()) for name, value in sign_notification(body(), PROVIDER_KEY).items()]
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": pairs}
    slow = asyncio.create_task(app(scope, receive, sending(out)))
    await reading.wait()
    ended = await app.aclose()
    await rest.put({"type": "http.request", "body": body(), "more_body": False})
    await slow

    assert (ended, out[0]["status"], shop.seen) == (True, 500, [])


async def test_a_closing_application_begins_no_handler_for_a_duplicate_of_one_that_fails() -> None:
    started, fail, calls = asyncio.Event(), asyncio.Event(), []

    async def handler(given: object) -> None:
        calls.append(given)
        started.set()
        await fail.wait()
        raise RuntimeError

    app = NotificationApp(verifier(), handler)
    first = asyncio.create_task(post(app, body()))
    await started.wait()
    second = asyncio.create_task(post(app, body()))
    await asyncio.sleep(0)
    end = asyncio.create_task(app.aclose())
    await asyncio.sleep(0)
    fail.set()

    assert (await first, await second, await end, len(calls)) == (FAILED, FAILED, True, 1)


async def test_the_end_of_the_lifespan_waits_for_handlers() -> None:
    started, release, out = asyncio.Event(), asyncio.Event(), list[Any]()

    async def handler(given: object) -> None:
        started.set()
        await release.wait()

    app = NotificationApp(verifier(), handler)
    running = asyncio.create_task(post(app, body()))
    await started.wait()
    lifespan = asyncio.create_task(app({"type": "lifespan"}, receiving([{}, {}]), sending(out)))
    release.set()
    await lifespan

    assert (await running, [one["type"] for one in out][-1]) == (OK, "lifespan.shutdown.complete")


async def test_more_requests_than_allowed_are_sent_away() -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def handler(given: object) -> None:
        started.set()
        await release.wait()

    app = NotificationApp(verifier(), handler, max_requests=1)
    first = asyncio.create_task(post(app, body()))
    await started.wait()
    second = await post(app, body("04"))
    release.set()

    assert (second, await first, await post(app, body("04"))) == (FAILED, OK, OK)
