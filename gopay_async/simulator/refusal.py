"""A no, before it is put into the words of an API family.  Knows no request and no book."""

from collections.abc import Mapping
from enum import Enum


class Refusal(Exception):
    """The simulated provider says no.

    *case* is the two case digits in BI-SNAP and the error code in the mini-app backend; *message* defaults to the words
    of the national case table; *extra* are further fields of the answer, and win over those that follow from the rest;
    *whole* is the answer itself.
    """

    def __init__(
        self,
        status: int,
        case: str = "00",
        message: str = "",
        *,
        extra: Mapping[str, object] | None = None,
        whole: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(status, case, message)
        self.status = status
        self.case = case
        self.message = message
        self.extra = extra or {}
        self.whole = whole


class Defect(Enum):
    """What is wrong with a field."""

    MISSING = "missing"
    MALFORMED = "malformed"
    UNPARSABLE = "unparsable"


class BadField(Exception):
    """A field of a request, named as on the wire, breaks a documented rule."""

    def __init__(self, defect: Defect, name: str, rule: str = "") -> None:
        super().__init__(defect, name, rule)
        self.defect = defect
        self.name = name
        self.rule = rule
