"""The table of handlers.  Knows none of them."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from ...operation import Answer, Operation
from ..books import Books
from ..call import Call
from ..envelope import Said

Op = TypeVar("Op", bound=Operation[Any])
#: An answer, alone or with its words, or its wire form where the typed one cannot spell it as its page does.
Answered = Answer | Said | Mapping[str, Any]
#: Takes books, operation and call; returns the answer, or raises Refusal or BadField.
Handler = Callable[[Books, Any, Call], Answered]

_Handles = Callable[[Books, Op, Call], Answered]

HANDLERS: Final[dict[type[Operation[Any]], Handler]] = {}


def serves(kind: type[Op]) -> Callable[[_Handles[Op]], _Handles[Op]]:
    """Register the decorated function as the handler of *kind*."""

    def register(handler: _Handles[Op]) -> _Handles[Op]:
        HANDLERS[kind] = handler
        return handler

    return register
