"""Bulk payouts that never pay twice and never lose one: plan, ledger, runner, report.  Needs the extra `payouts`."""

from .desk import Moved, settle
from .draft import Draft
from .intake import draft_of_file, draft_of_rows, existing_job, find_known, import_draft, submit
from .ledger import Counts, Ledger, open_ledger
from .plan import Rules, State
from .progress import Ended, How, RunEvent, Settings, Slowed, Started, Waiting
from .reconcile import Difference, Reconciler
from .records import Account, Job, Payout
from .runner import Runner

__all__ = [
    "Account",
    "Counts",
    "Difference",
    "Draft",
    "Ended",
    "How",
    "Job",
    "Ledger",
    "Moved",
    "Payout",
    "Reconciler",
    "Rules",
    "RunEvent",
    "Runner",
    "Settings",
    "Slowed",
    "Started",
    "State",
    "Waiting",
    "draft_of_file",
    "draft_of_rows",
    "existing_job",
    "find_known",
    "import_draft",
    "open_ledger",
    "settle",
    "submit",
]
