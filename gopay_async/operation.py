"""What an operation is: one endpoint, one typed request, one typed answer.  Knows no field, byte or connection."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, ClassVar, Generic, TypeVar, dataclass_transform, get_args

from attrs import field, frozen

C = TypeVar("C")
T_co = TypeVar("T_co", bound="Answer", covariant=True)


class _Member(Enum):
    # Members are singletons: the names need not be hashed on every call.
    __hash__ = object.__hash__


class Family(_Member):
    """Group of endpoints that share a host (README section 2 of the catalogue: four families)."""

    SNAP = "BI-SNAP"
    APP = "get-auth-code"
    CORE = "Core API"
    MINI_APP = "mini-app"


class Auth(_Member):
    """How a call proves who makes it."""

    CLIENT_KEY = "RSA over client id and time"
    ACCESS_TOKEN = "access token and HMAC"  # noqa: S105  # words about a proof, not a secret
    SERVER_KEY = "Basic server key"
    MINI_APP = "Basic mini-app credential"
    USER_TOKEN = "Bearer token of a mini-app user"  # noqa: S105  # as above

    @property
    def family(self) -> Family:
        """The family of hosts that takes this kind of proof."""
        return _FAMILIES.get(self, Family.SNAP)


_FAMILIES = {Auth.SERVER_KEY: Family.CORE, Auth.MINI_APP: Family.MINI_APP, Auth.USER_TOKEN: Family.MINI_APP}


class Retry(_Member):
    """What may follow an outcome that is not known."""

    RESEND = "a read: send again with a fresh id"
    SAME_ID = "at most two repeats with the same id and the same bytes"
    INQUIRE = "never again: ask what became of it"
    NEVER = "never again: a new try is the caller's"


class Need(_Member):
    """Whether a call carries the token of a customer."""

    NEVER = "must not carry one"
    OPTIONAL = "may carry one"
    REQUIRED = "must carry one"


def _page(source: str) -> str:
    return source if "/" in source else f"docs.midtrans.com/reference/{source}"


@frozen(kw_only=True)
class Endpoint:
    """Everything about a call that is not in its fields."""

    path: str
    method: str = "POST"
    #: Two digits of the SNAP response code; None outside BI-SNAP.
    service: str | None = None
    auth: Auth = Auth.ACCESS_TOKEN
    retry: Retry
    customer: Need = Need.NEVER
    #: Attribute that takes the customer's place: exactly one of the two is given.
    instead: str | None = None
    #: X-DEVICE-ID is mandatory.
    device: bool = False
    #: X-EXTERNAL-ID takes digits only.
    numeric_id: bool = False
    #: Attribute that X-EXTERNAL-ID must equal (QRIS).
    id_field: str | None = None
    #: Body fields that `send` fills in: wire name -> name of the value.
    fills: Mapping[str, str] = field(factory=dict)
    #: The same for optional fields: filled in when the value is configured.
    offers: Mapping[str, str] = field(factory=dict)
    #: What tells this route from another operation on the same method and path.
    variant: str | None = None
    #: The page that documents the call: its name at docs.midtrans.com/reference, or the whole address.
    source: str = field(converter=_page)

    @property
    def family(self) -> Family:
        """The family of hosts."""
        return self.auth.family

    @property
    def changes(self) -> bool:
        """Whether the call may change something, so that its outcome matters."""
        return self.retry is not Retry.RESEND


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def _base(cls: type[C]) -> type[C]:
    # The decorator of its subclasses stands above this module; type checkers must see the same kind of class here.
    return frozen(cls, kw_only=True)


@_base
class Answer:
    """What every answer has; unknown fields stay reachable in `raw`."""

    #: X-EXTERNAL-ID (or Request-Id) of the attempt that was answered.
    external_id: str = field(default="", metadata={"local": True})
    response_code: str = ""
    response_message: str = ""
    #: The parsed body, whole.
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False, metadata={"local": True})
    #: Wire names of optional fields that were there and could not be read; their text is in `raw`.
    unread: tuple[str, ...] = field(default=(), eq=False, metadata={"local": True})


class Operation(Generic[T_co]):
    """Base of every call; *T* is the type of its answer."""

    __slots__ = ()
    endpoint: ClassVar[Endpoint]
    answer: ClassVar[type[Answer]]

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for base in getattr(cls, "__orig_bases__", ()):
            cls.answer = get_args(base)[0]

    def inquiry(self, external_id: str) -> "Operation[Any] | None":
        """Return the operation that tells what became of this one, sent under *external_id*; None where none exists."""
        return None

    def adapt(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the wire form *body* with the spelling that depends on other fields; the default changes nothing."""
        return body
