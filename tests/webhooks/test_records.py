"""What the operator reads: enough to act on, and nothing that a stranger or a secret wrote."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from gopay_async.webhooks import MemoryReplayStore, NotificationApp, sign_notification
from gopay_async.webhooks.replay import identity_key
from tests.keys_for_tests import MERCHANT_KEY, PROVIDER_KEY
from tests.webhooks.events import Shop, body, notification, post, verifier


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        (None, "DebitNotification"),
        (sign_notification(body(), MERCHANT_KEY), "refused on"),
        ({"Content-Type": "a"}, "415"),
    ],
)
async def test_there_is_one_debug_and_one_info_record_and_no_secret_in_them(
    headers: Any, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "gopay_async")
    headers = headers or sign_notification(body(), PROVIDER_KEY)
    await post(NotificationApp(verifier(), Shop()), body(), headers=headers)
    levels = [one.levelname for one in caplog.records]

    assert (levels.count("INFO"), levels.count("DEBUG")) == (1, 1)
    assert outcome in caplog.text
    assert "originalReferenceNo" not in caplog.text
    assert headers.get("X-SIGNATURE", "no signature") not in caplog.text


async def test_a_handler_that_fails_is_told_to_the_operator_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await post(NotificationApp(verifier(), Shop(errors=[ValueError("the till is shut")])), body())
    (told,) = [one for one in caplog.records if one.levelname == "ERROR"]

    assert told.getMessage() == "handler failed for DebitNotification"
    assert "ValueError: the till is shut" in caplog.text


async def test_what_became_of_each_delivery_is_told_in_the_same_words(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gopay_async")
    store = MemoryReplayStore()
    app = NotificationApp(verifier(), Shop(errors=[ValueError()]), store=store, patience=0.0)
    for _ in range(3):
        await post(app, body(), headers=sign_notification(body(), PROVIDER_KEY, external_id="77"))
    await store.claim(identity_key(notification("04")), lease=timedelta(hours=1))
    await post(app, body("04"), headers=sign_notification(body("04"), PROVIDER_KEY, external_id="78"))

    assert [one.getMessage() for one in caplog.records if one.levelname == "INFO"] == [
        "DebitNotification 77 not handled; the provider will send again, key key-1",
        "DebitNotification 77 handled, key key-1",
        "DebitNotification 77 handled already, key key-1",
        "DebitNotification 78 still being handled elsewhere, key key-1",
    ]


async def test_a_wrong_path_is_named_in_the_log_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    app = NotificationApp(verifier(), Shop())
    signed = sign_notification(body(), PROVIDER_KEY, path="/1.0/debit/notify")
    answers = [await post(app, body(), headers=signed) for _ in range(3)]
    warnings = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]

    assert answers == [(401, "4015600")] * 3
    assert [("path /1.0/debit/notify" in one) for one in warnings] == [True]


async def test_a_route_writes_no_line_of_its_own_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gopay_async")
    app = NotificationApp(verifier(), Shop())

    await post(app, body(), path="/x\nINFO gopay_async.webhooks DebitNotification 1 handled\x1b[2J")

    assert caplog.records
    assert all(one.getMessage().isprintable() for one in caplog.records)


async def test_a_strangers_message_gets_no_hint(caplog: pytest.LogCaptureFixture) -> None:
    app = NotificationApp(verifier(), Shop())
    await post(app, body(), headers=sign_notification(body(), MERCHANT_KEY))

    assert [one for one in caplog.records if one.levelname == "WARNING"] == []
