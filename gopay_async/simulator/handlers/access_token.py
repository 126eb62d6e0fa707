"""The access token of BI-SNAP."""

from ...api import IssueToken, TokenIssued
from ..books import TOKEN_LIFE, Books
from ..call import Call
from .registry import serves


@serves(IssueToken)
def issue_token(books: Books, operation: IssueToken, call: Call) -> TokenIssued:
    """Issue a token (access-token-api page): every call issues one, `expiresIn` is text."""
    token = books.issue_token(call.at)
    return TokenIssued(access_token=token.value, expires_in=f"{TOKEN_LIFE.total_seconds():.0f}")
