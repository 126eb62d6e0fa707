"""Whose accounts the numbers of a draft are: inquiry 37, and names compared.  Moves no money."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

from ..api import InquireAccount
from ..errors import InvalidAccount, NotFound, OperationError, Refused
from ..session import GoPaySession
from .draft import Draft
from .outcomes import words
from .rows import Notable, Problem
from .tasks import first_error


async def verify_accounts(draft: Draft, session: GoPaySession, *, concurrency: int = 20) -> AsyncIterator[int]:
    """Ask about every row of *draft*; add numbers without account to its problems, other names to its warnings.

    Yields how many rows have been asked about.
    """
    done = 0
    for page in draft.pages(concurrency):
        with first_error():
            async with asyncio.TaskGroup() as tasks:
                for row in page:
                    tasks.create_task(_verify(draft, session, row))
        done += len(page)
        yield done


async def _verify(draft: Draft, session: GoPaySession, row: dict[str, Any]) -> None:
    question = InquireAccount(customer_number=row["number"], beneficiary_provider=row["provider"])
    try:
        found = await session.send(question)
    except (NotFound, InvalidAccount) as error:
        draft.problems.add(Problem(row["line"], "customer_number", f"has no account ({words(error)})"))
    except (Refused, OperationError) as error:
        text = f"the account could not be verified ({words(error)})"
        draft.warnings.add(Notable(row["line"], "customer_number", text, confirm=True))
    else:
        if _plain(found.customer_name) != _plain(row["name"]):
            text = f"is {row['name']!r} here and {found.customer_name!r} at the provider"
            draft.warnings.add(Notable(row["line"], "customer_name", text, confirm=True))


def _plain(name: str) -> str:
    """Return *name* without what people write differently: case, dots, spaces."""
    return " ".join(re.sub(r"[^\w ]", " ", name.casefold()).split())
