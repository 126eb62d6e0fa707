"""The access token of BI-SNAP (service 73).  Source: access-token-api."""

from typing import Annotated

from attrs import field

from ..fields import PRIVATE, answer, message
from ..operation import Answer, Auth, Endpoint, Operation, Retry


@answer
class TokenIssued(Answer):
    """A fresh access token; `GoPaySession` fetches and renews it by itself."""

    access_token: Annotated[str, PRIVATE]
    token_type: str = "Bearer"  # noqa: S105 - the type of a token, not a token
    #: Seconds, as text or as a number; 900 when it is missing or makes no sense (quirks Q-TOK-2, Q-TOK-4).
    expires_in: str | None = None


@message
class IssueToken(Operation[TokenIssued]):
    """Ask for an access token."""

    endpoint = Endpoint(
        path="/v1.0/access-token/b2b", service="73", auth=Auth.CLIENT_KEY, retry=Retry.RESEND, source="access-token-api"
    )
    grant_type: str = field(default="client_credentials", init=False)
