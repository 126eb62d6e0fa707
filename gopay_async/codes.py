"""The SNAP response code: parse it, name it, find its error class.  Knows no operation and no HTTP message."""

import re
from functools import lru_cache

from attrs import frozen

from .errors import (
    CustomerTokenRejected,
    InsufficientFunds,
    InvalidAccount,
    NotFound,
    RateLimited,
    Refused,
    SuspectedFraud,
    TokenRejected,
    Unauthorized,
)

# Eight-digit codes such as 20054000 stand in the provider's samples: the last digit is ignored (quirk Q-COD-1).
_SHAPE = re.compile(r"([1-5]\d\d)(\d\d)(\d\d)0?", re.ASCII)


@frozen
class ResponseCode:
    """Three digits HTTP status, two digits service, two digits case."""

    text: str
    status: int
    service: str
    case: str

    @staticmethod
    def parse(text: object) -> "ResponseCode | None":
        """Return the code, None when *text* is not one (gateway pages, mini-app codes)."""
        return _parse(str(text)) if isinstance(text, str | int) else None

    @property
    def meaning(self) -> str:
        """The words of the national case table, empty when the table has none."""
        return CASES.get((self.status, self.case), "")

    @property
    def error(self) -> type[Refused]:
        """The class of a refusal with this code; the service digits never decide (quirk Q-COD-2)."""
        return _ERRORS.get((self.status, self.case)) or _BY_STATUS.get(self.status, Refused)

    @property
    def is_duplicate(self) -> bool:
        """Whether the service says that it already holds this id or reference."""
        return self.status == 409 and self.case in ("00", "01")

    @property
    def is_inconsistent(self) -> bool:
        """Whether this is 404xx18, success or failure depending on the operation (quirk Q-COD-18)."""
        return (self.status, self.case) == (404, "18")


def _parse(text: str) -> ResponseCode | None:
    return _known(text) if len(text) <= 9 else None


# Nearly every answer carries one of a few codes.
@lru_cache(maxsize=256)
def _known(text: str) -> ResponseCode | None:
    found = _SHAPE.fullmatch(text)
    return ResponseCode(text, int(found[1]), found[2], found[3]) if found else None


_BY_STATUS: dict[int, type[Refused]] = {429: RateLimited}
_ERRORS: dict[tuple[int, str], type[Refused]] = {
    (401, "00"): Unauthorized,
    (401, "01"): TokenRejected,
    (401, "02"): CustomerTokenRejected,
    (401, "03"): TokenRejected,
    (401, "04"): CustomerTokenRejected,
    (403, "03"): SuspectedFraud,
    (403, "14"): InsufficientFunds,
    (404, "01"): NotFound,
    (404, "11"): InvalidAccount,
}

#: The national case table: (HTTP status, case) -> meaning.
CASES: dict[tuple[int, str], str] = {
    (200, "00"): "Successful",
    (202, "00"): "Request In Progress",
    (400, "00"): "Bad Request",
    (400, "01"): "Invalid Field Format",
    (400, "02"): "Invalid Mandatory Field",
    (401, "00"): "Unauthorized",
    (401, "01"): "Invalid Token (B2B)",
    (401, "02"): "Invalid Customer Token",
    (401, "03"): "Token Not Found (B2B)",
    (401, "04"): "Customer Token Not Found",
    (403, "00"): "Transaction Expired",
    (403, "01"): "Feature Not Allowed",
    (403, "02"): "Exceeds Transaction Amount Limit",
    (403, "03"): "Suspected Fraud",
    (403, "04"): "Activity Count Limit Exceeded",
    (403, "05"): "Do Not Honor",
    (403, "06"): "Feature Not Allowed At This Time",
    (403, "07"): "Card Blocked",
    (403, "08"): "Card Expired",
    (403, "09"): "Dormant Account",
    (403, "10"): "Need To Set Token Limit",
    (403, "11"): "OTP Blocked",
    (403, "12"): "OTP Lifetime Expired",
    (403, "13"): "OTP Sent To Cardholder",
    (403, "14"): "Insufficient Funds",
    (403, "15"): "Transaction Not Permitted",
    (403, "16"): "Suspend Transaction",
    (403, "17"): "Token Limit Exceeded",
    (403, "18"): "Inactive Card/Account/Customer",
    (403, "19"): "Merchant Blacklisted",
    (403, "20"): "Merchant Limit Exceed",
    (403, "21"): "Set Limit Not Allowed",
    (403, "22"): "Token Limit Invalid",
    (403, "23"): "Account Limit Exceed",
    (404, "00"): "Invalid Transaction Status",
    (404, "01"): "Transaction Not Found",
    (404, "02"): "Invalid Routing",
    (404, "03"): "Bank Not Supported By Switch",
    (404, "04"): "Transaction Cancelled",
    (404, "05"): "Merchant Not Registered For Card Registration Services",
    (404, "06"): "Need To Request OTP",
    (404, "07"): "Journey Not Found",
    (404, "08"): "Invalid Merchant",
    (404, "09"): "No Issuer",
    (404, "10"): "Invalid API Transition",
    (404, "11"): "Invalid Card/Account/Customer/Virtual Account",
    (404, "12"): "Invalid Bill/Virtual Account",
    (404, "13"): "Invalid Amount",
    (404, "14"): "Paid Bill",
    (404, "15"): "Invalid OTP",
    (404, "16"): "Partner Not Found",
    (404, "17"): "Invalid Terminal",
    (404, "18"): "Inconsistent Request",
    (404, "19"): "Invalid Bill/Virtual Account (expired)",
    (405, "00"): "Function Not Supported",
    (405, "01"): "Operation Not Allowed",
    (409, "00"): "Conflict",
    (409, "01"): "Duplicate partnerReferenceNo",
    (422, "02"): "Merchant Not Allowed",
    (429, "00"): "Too Many Requests",
    (500, "00"): "General Error",
    (500, "01"): "Internal Server Error",
    (500, "02"): "External Server Error",
    (504, "00"): "Timeout",
}
