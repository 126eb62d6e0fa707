"""Linked accounts: binding (07), its inquiry (08) and unbinding (09).  The way to the auth code is in `linking`.

The customer is an argument of `send`, never a field.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Protocol

from attrs import field

from ..fields import HEADER_TEXT, IN_HEADER, INFO, PRIVATE, WHOLE_VALUE, Name, Text, Within, answer, message
from ..models import Money
from ..operation import Answer, Endpoint, Need, Operation, Retry

_HANDLE: Final = {"merchantId": "payment_handle"}


@answer
class AccountBound(Answer):
    """An account that was linked: keep the token, encrypted.  Use it as `Customer(token=...)`."""

    access_token: Annotated[str, Within("accessTokenInfo"), PRIVATE]
    reference_no: str | None = None


@message
class BindAccount(Operation[AccountBound]):
    """Exchange the auth code of a customer's return for the customer's token.

    An auth code works once.  After an unknown outcome wait for the linking notification, which carries the token too,
    or let the customer link again.
    """

    endpoint = Endpoint(
        path="/v1.0/registration-account-binding", service="07", retry=Retry.NEVER, fills=_HANDLE, source="binding-api"
    )
    auth_code: Annotated[str, Text(256), PRIVATE]
    #: From the credentials when left out.
    payment_handle: Annotated[str | None, Text(64), Name("merchantId")] = None
    grant_type: str = field(default="AUTHORIZATION_CODE", init=False)


class HasToken(Protocol):
    """A customer, of which only the token matters here."""

    @property
    def token(self) -> str:
        """The token of the customer."""
        ...


@answer
class PaymentOption:
    """One way in which a linked customer can pay."""

    #: GOPAY_WALLET, PAY_LATER, GO_CICIL_MAB, GOPAY_SAVINGS, ...
    name: str
    active: bool | None = None
    #: A number on the wire, in whole rupiah (quirk Q-AMT-1).
    balance: Annotated[Money | None, WHOLE_VALUE, PRIVATE] = None
    #: The charge's payment_option_token; changes without notice.
    token: Annotated[str | None, PRIVATE] = None


@answer
class BindingState(Answer):
    """A linked account and its ways to pay."""

    #: The customer's token as it is now: see `rotated_token`.
    access_token: Annotated[str | None, INFO, PRIVATE] = None
    payment_type: Annotated[str | None, INFO] = None
    payment_options: Annotated[Sequence[PaymentOption], INFO] = ()
    reference_no: str | None = None

    def rotated_token(self, customer: HasToken) -> str | None:
        """Return the token to keep from now on if it is not the one that *customer* has; None when nothing changed."""
        return self.access_token if self.access_token != customer.token else None


@message
class QueryBinding(Operation[BindingState]):
    """Ask for a linked customer's ways to pay, or swap a legacy *account_id* for a customer token.

    One of the two is given, the customer to `send`; *device_id* goes with an account id.  Look at `rotated_token` of
    the answer.  A refusal 4010802 or 4030818 means that the account is no longer linked (quirk Q-COD-8).
    """

    endpoint = Endpoint(
        path="/v1.0/registration-account-inquiry",
        service="08",
        retry=Retry.RESEND,
        customer=Need.OPTIONAL,
        instead="account_id",
        device=True,
        source="binding-inquiry-api",
    )
    account_id: Annotated[str | None, Text(64), INFO, PRIVATE] = None
    #: User agent (web) or device id (app) of whom the account belongs to; a customer has it in `Customer`.
    device_id: Annotated[str | None, Text(400, *HEADER_TEXT), Name("X-DEVICE-ID"), IN_HEADER, PRIVATE] = None


@answer
class AccountUnbound(Answer):
    """The account is no longer linked."""

    reference_no: str | None = None


@message
class UnbindAccount(Operation[AccountUnbound]):
    """Unlink the customer who is given to `send`."""

    endpoint = Endpoint(
        path="/v1.0/registration-account-unbinding",
        service="09",
        retry=Retry.NEVER,
        customer=Need.REQUIRED,
        device=True,
        fills=_HANDLE,
        source="unbind-api",
    )
    #: From the credentials when left out.
    payment_handle: Annotated[str | None, Text(64), Name("merchantId")] = None

    def inquiry(self, external_id: str) -> QueryBinding:
        """Return the query to send for the same customer: a refusal 4010802 means that the account is unlinked."""
        return QueryBinding()
