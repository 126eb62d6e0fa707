"""Mistakes that nobody can notice, because the code does the same with them, and why.  Knows only names."""

from typing import Final

_ONE_LENGTH: Final = "they are of one length, or nothing works"
#: (module, line of the right code, what) -> reason.
EQUIVALENT: Final[dict[tuple[str, str, str], str]] = {
    (
        "plan",
        'return ""',
        "nothing returned",
    ): "whoever asks for a doubt or a difference looks at its truth alone",
    (
        "outcomes",
        'return (code.status, code.case) if code else (0, "")',
        "1 for 0",
    ): "stands for no code, and is looked up among codes: none of them is (1, ...)",
    (
        "outcomes",
        'return (code.status, code.case) if code else (0, "")',
        "another text for ''",
    ): "as above",
    (
        "moves",
        'return select(*cells).select_from(text(f"(VALUES {\', \'.join([row] * size)})")).subquery("moves")',
        "another text for 'moves'",
    ): "a name",
    (
        "moves",
        'return select(*cells).select_from(text(f"(VALUES {\', \'.join([row] * size)})")).subquery("moves")',
        "another text for ')'",
    ): "gives the rows a name that nobody uses",
    (
        "moves",
        'cells = [_cell(place, one).label(f"cell_{place}") for place, one in enumerate(columns, start=1)]',
        "another text for 'cell_'",
    ): "a name",
    (
        "moves",
        "values = {one.name: cell for one, cell in zip(_CHANGED, then, strict=True)}",
        "False for True",
    ): _ONE_LENGTH,
    (
        "moves",
        "return payouts.update().values(values).where(*[one == cell for one, cell in zip(_FOUND, found, strict=True)])",
        "False for True",
    ): _ONE_LENGTH,
    (
        "moves",
        "for start in range(0, len(moves), SIZES[-1]):",
        "2 for 1",
    ): "who has moved cannot again: each is then tried alone, slower and with the same result",
    ("together", "for start in range(0, len(rows), SIZES[-1]):", "2 for 1"): "as for moves",
    (
        "together",
        "return all(_move(connection, step, rows) for rows in _parts(step.rows))",
        "nothing returned",
    ): "each is then tried alone, slower and with the same result",
    ("together", "SIZES: Final = (1, 16, 64, 256)", "2 for 1"): "another size",
    ("together", "SIZES: Final = (1, 16, 64, 256)", "17 for 16"): "another size",
    ("together", "SIZES: Final = (1, 16, 64, 256)", "65 for 64"): "another size",
    ("together", "SIZES: Final = (1, 16, 64, 256)", "257 for 256"): "another size",
    (
        "together",
        '_EMPTY: Final = ("", "", "")',
        "another text for ''",
    ): "only the first of the three is looked at, and a mistake there is noticed",
    (
        "steps",
        'return ""',
        "nothing returned",
    ): "as in the plan: whoever asks for a difference looks at its truth alone",
    ("facts", 'T = TypeVar("T")', "another text for 'T'"): "a name",
    ("lock", "os.ftruncate(handle, 0)", "1 for 0"): "the byte that stays is the first one that is written over",
    ("lock", "found = json.loads(os.pread(handle, 4096, 0))", "4097 for 4096"): "nobody's name is so long",
    (
        "pacer",
        "self.rate = self._limit if faster >= (self._limit or _FREE) else faster",
        "Gt for GtE",
    ): "at the limit itself the rate is the limit either way",
    ("pacer", "_FREE = 1_000.0", "1001.0 for 1000.0"): "another bound, far above what anybody sends",
    ("records", 'T = TypeVar("T")', "another text for 'T'"): "a name",
    ("records", "@lru_cache(maxsize=1_000)", "1001 for 1000"): "how many are kept",
    ("writer", 'T = TypeVar("T")', "another text for 'T'"): "a name",
    ("writer", "@frozen(eq=False)", "True for False"): "nobody compares them",
    (
        "writer",
        "for one, result in zip(batch, results, strict=True):",
        "False for True",
    ): _ONE_LENGTH,
    ("database", '_WRITES: Final = "gopay_async_writes"', "another text for 'gopay_async_writes'"): "a name",
    ("database", 'T = TypeVar("T")', "another text for 'T'"): "a name",
    (
        "database",
        'init=False, repr=False, factory=lambda: ThreadPoolExecutor(_READERS, "gopay_async ledger reader")',
        "another text for 'gopay_async ledger r'",
    ): "a name",
    (
        "database",
        'cursor.execute("PRAGMA synchronous=FULL")',
        "left out",
    ): "it is the default of most builds of SQLite, these among them; of others it is not",
    (
        "database",
        "cursor.close()",
        "left out",
    ): "it is closed when it is forgotten",
    ("database", "connection.close()", "left out"): "as above; Python 3.13 complains of it",
    ("crew", "_GATHER: Final = 0.02", "1.02 for 0.02"): "how long answers are gathered: slower, with the same result",
    ("crew", "self._waking = True", "False for True"): "it is woken more often, with the same result",
    ("crew", "raise", "nothing raised"): "whoever cancels it cancels the group, which ends all the same",
    (
        "desk",
        "for one, reference_no in zip(self.payouts, self.references, strict=True):",
        "False for True",
    ): _ONE_LENGTH,
    (
        "desk",
        "pairs = zip(chain.from_iterable(alike), chain.from_iterable(after), chain.from_iterable(made), strict=True)",
        "False for True",
    ): _ONE_LENGTH,
    (
        "desk",
        "for step, group, moved in zip(steps, taken.groups.values(), made, strict=True):",
        "False for True",
    ): _ONE_LENGTH,
    ("desk", "pairs = zip(group.payouts, group.references, strict=True)", "False for True"): _ONE_LENGTH,
    ("desk", "for one, was in zip(steps, made, strict=True)", "False for True"): _ONE_LENGTH,
    (
        "desk",
        "steps = [_taking(group, then, _happened(then[0], fact, kind)) for group, then in "
        "zip(alike, after, strict=True)]",
        "False for True",
    ): _ONE_LENGTH,
    (
        "desk",
        "await self._follow([one for one, was in zip(steps, made, strict=True) if was])",
        "False for True",
    ): _ONE_LENGTH,
    (
        "desk",
        "late += [] if all(moved) else [one for one, was in zip(group.answers(), moved, strict=True) if not was]",
        "False for True",
    ): _ONE_LENGTH,
    ("desk", "if self._latest is None or now > self._latest:", "GtE for Gt"): "the same instant is the same either way",
    (
        "desk",
        "if latest is not None and (self._latest is None or latest > self._latest):",
        "GtE for Gt",
    ): "the same instant is the same either way",
    ("desk", "runner: str = field(factory=lambda: secrets.token_hex(8))", "9 for 8"): "how long a random name is",
    ("ledger", "_AT_ONCE: Final = 500", "501 for 500"): "how many are read at once",
    (
        "ledger",
        "async def in_flight(self, job: str, *, after: int = 0, limit: int = 500) -> list[Payout]:",
        "501 for 500",
    ): "how many are read at once",
    (
        "ledger",
        "self, job: str, *, after: int = 0, limit: int = 500, states: Iterable[State] = State",
        "501 for 500",
    ): "how many are read at once",
    (
        "ledger",
        "async def unread(self, account: Account, *, limit: int = 500) -> list[tuple[int, str, str]]:",
        "501 for 500",
    ): "how many are read at once",
    (
        "ledger",
        "self, account: Account, *, since: datetime, after: int = 0, limit: int = 500",
        "501 for 500",
    ): "how many are read at once",
    (
        "ledger",
        '_PAYOUTS: Final = select(*PAYEE, func.json_array(*STANDING, type_=Text).concat("").label("standing"))',
        "another text for 'standing'",
    ): "a name",
    (
        "ledger",
        "if not found and key.isdecimal() and len(key) < 16:",
        "LtE for Lt",
    ): "so large a number is no line either way",
    (
        "ledger",
        "if not found and key.isdecimal() and len(key) < 16:",
        "17 for 16",
    ): "so large a number is no line either way",
    (
        "ledger",
        "span = max((last - first) // steps + 1, 1)",
        "2 for 1",
    ): "what happened at one instant is one step either way; the other 1 is noticed",
    (
        "ledger",
        "found = await self._read(_JOBS.where(fits).limit(2))",
        "3 for 2",
    ): "two are enough to see that several fit",
    (
        "ledger",
        "return bool(await self._read(select(jobs.c.id).where(jobs.c.name == name).limit(1)))",
        "2 for 1",
    ): "one is enough to see that there is one",
    (
        "ledger",
        "*(await self._read(select(events.c.at).order_by(events.c.id.desc()).limit(1))),",
        "2 for 1",
    ): "the later of them is taken",
    (
        "ledger",
        '"identity": "\\x1f".join(notification.identity),',
        "another text for '\\x1f'",
    ): "what stands between the parts of an identity",
    ("runner", "_EVENTS: Final = 20", "21 for 20"): "another bound",
    ("runner", "_PAGE: Final = 500", "501 for 500"): "how many are read at once",
    (
        "runner",
        "self.crew.news.clear()",
        "left out",
    ): "it looks again and again instead of waiting, with the same result",
    ("runner", "await self._news()", "left out"): "it looks again and again instead of waiting, with the same result",
    (
        "runner",
        "return found[-1].id",
        "nothing returned",
    ): "it waits for what is under way before it claims more: slower, with the same result",
    ("runner", "if self.crew.ahead > self._enough():", "GtE for Gt"): "one less is claimed ahead",
    ("runner", "return 0", "1 for 0"): "while something is under way, and after a pause, nobody looks at the number",
    (
        "runner",
        "if due is None or left <= 0:",
        "Lt for LtE",
    ): "with no time left nothing is due in that time, but what was asked already",
    (
        "crew",
        "send, payout = self._work.get_nowait() or (False, None)",
        "True for False",
    ): "what is no payout is given back by nobody",
}
