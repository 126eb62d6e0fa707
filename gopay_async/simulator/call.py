"""One request as the simulated provider sees it.  Knows no rule and no state."""

from datetime import datetime
from typing import Any

from attrs import define, field
from multidict import CIMultiDict

from ..exchange import Request
from ..operation import Endpoint, Operation
from .diagnosis import Explanation
from .records import Link, User
from .signatures import Anatomy


@define(eq=False, kw_only=True)
class Call:
    """A request on its way from the wire to its handler."""

    request: Request
    #: Case-insensitive.
    headers: "CIMultiDict[str]" = field(repr=False)
    #: Path as received, still percent-encoded, and what the template's braces stand for, decoded.
    path: str
    placed: dict[str, str] = field(factory=dict, repr=False)
    operation: type[Operation[Any]]
    #: The endpoint of the operation.
    endpoint: Endpoint = field(init=False)
    #: The provider's time.
    at: datetime
    #: What the gate found in the headers.
    token: str = field(default="", repr=False)
    external_id: str = ""
    #: Of a signature that does not fit.
    explanation: Explanation | None = field(default=None, repr=False)
    customer_token: str = field(default="", repr=False)
    #: The linked customer, of BI-SNAP and the Core API.
    link: Link | None = None
    #: The user of the mini-app.
    user: User | None = None
    #: None where a call carries no signature (Core API, mini-app).
    anatomy: Anatomy | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        self.endpoint = self.operation.endpoint

    @property
    def query(self) -> str:
        """The query as received, empty when there is none."""
        return self.request.target.partition("?")[2]

    def header(self, name: str) -> str:
        """Return the header *name*, empty when it is absent."""
        return self.headers.get(name, "")
