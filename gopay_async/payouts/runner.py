"""Runs one job: claims, sends, asks, and writes down what came of it.  Decides nothing about a payout: the plan does."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import define, evolve, field, frozen

from ..api import QueryTopUp, QueryTransfer, TopUpAccepted, TransferState
from ..clock import Clock, SystemClock
from ..errors import GoPayError, InvalidInput, JobRefused, LedgerError, OperationError, RateLimited
from ..models import new_external_id
from ..session import GoPaySession
from . import outcomes
from .inbox import Inbox
from .ledger import Counts, Ledger
from .pacer import Pacer
from .plan import (
    Claimed,
    Crashed,
    Moment,
    Outcome,
    Rules,
    State,
    Streak,
    Transition,
    Trust,
    decide,
    whether_to_send,
)
from .records import Account, Happened, Job, Move, Payout
from .intake import check_account

Contract = type[QueryTransfer] | type[QueryTopUp]
