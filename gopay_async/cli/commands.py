"""The commands, by name: each is imported from its module when it is called.  Knows no option and no work."""

from collections.abc import Mapping
from typing import ClassVar, Final

import typer

from .later import Extra, Later, LaterGroup

_PAYOUTS: Final = Extra("cli,payouts", ("aiosqlite", "jinja2", "sqlalchemy"))


class Commands(LaterGroup):
    """Everything that `gopay-async` can do, in the order of its help."""

    later: ClassVar[Mapping[str, Later]] = {
        "simulator": Later(
            "simulator",
            "Simulate the provider: signatures are checked for real, and every client in any language may try.",
        ),
        "demo": Later(
            "demo",
            "Take a payment, receive its notification, give a reward and pay out a file: all of it on loopback.",
        ),
        "verify": Later(
            "webhooks",
            "Say whether a captured request is genuine; its age is not judged.  Exit code 1 when it is not.",
        ),
        "explain": Later(
            "webhooks",
            "Say what would have verified a captured request: which path, which form of the body, which key.",
        ),
        "trigger": Later(
            "webhooks",
            "Send a really signed notification, made with a test key, to a receiver on this machine.",
        ),
        "doctor": Later(
            "webhooks",
            "Look for what would go wrong: keys, signed path, clock, hosts, source address.  "
            "Exit code 1 for a finding.",
        ),
        "dead-letters": Later("letters", "List the notifications that the inbox set aside.", _PAYOUTS),
        "redrive": Later("letters", "Bring back what the inbox set aside, so that it is tried again.", _PAYOUTS),
        "payouts": Later("payouts", "Pay many people from a file: never twice, and nobody lost.", _PAYOUTS),
    }


app = typer.Typer(
    cls=Commands,
    name="gopay-async",
    help="Payments, notifications and payouts with GoPay (Midtrans BI-SNAP).",
    no_args_is_help=True,
    rich_markup_mode="rich",
    # A traceback with boxes and locals helps nobody at a till, and locals may hold secrets.
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Payments, notifications and payouts with GoPay (Midtrans BI-SNAP)."""
