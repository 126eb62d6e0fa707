"""The commands and their options.  Knows no work: each command calls one function."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from . import demo as demo_
from .simulator import simulator
from .webhooks import webhooks

try:
    from .payouts import app as payouts_app
except ModuleNotFoundError as missing:
    if (missing.name or "").startswith("gopay_async"):
        raise
    # The demo needs no ledger: without its extra everything else still works.
    # The help is markup, which would swallow a bare bracket.
    payouts_app = typer.Typer(help="Not installed: pip install 'gopay-async\\[cli,payouts]'")

app = typer.Typer(
    name="gopay-async",
    help="Payments, notifications and payouts with GoPay (Midtrans BI-SNAP).",
    no_args_is_help=True,
    # A traceback with boxes and locals helps nobody at a till, and locals may hold secrets.
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Payments, notifications and payouts with GoPay (Midtrans BI-SNAP)."""


app.command()(simulator)
# Without a name of their own: `gopay-async verify`, not `gopay-async webhooks verify`.
app.add_typer(webhooks)
app.add_typer(payouts_app, name="payouts")


@app.command()
def demo(
    file: Annotated[Path | None, typer.Option(help="CSV file with payouts; an example is built in.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")] = False,
) -> None:
    """Take a payment, receive its notification, give a reward and pay out a file: all of it on loopback."""
    raise typer.Exit(asyncio.run(demo_.run(file, as_json=as_json)))
