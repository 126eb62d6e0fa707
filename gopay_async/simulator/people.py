"""Customers: who they are, how they are linked, what they were given.  Knows no request and no notification."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from attrs import define, field

from ..models import WIB, Money
from .ids import Ids
from .policy import Policy
from .records import AuthCode, Link, Option, Record, Reward, User
from .refusal import Refusal

#: Documented for the mini-app's code; for that of account linking no page says how long.
AUTH_CODE_LIFE: Final = timedelta(minutes=6)
_OPTIONS: Final = (("GOPAY_WALLET", 7_985_000), ("PAY_LATER", 350_000), ("GOPAY_SAVINGS", 250_000))


@define(eq=False)
class People:
    """Users, their tokens and what they own; every method takes the time as *at*."""

    policy: Policy
    ids: Ids
    changes: "deque[Record]" = field(repr=False)
    #: By the auth_token of the mini-app.
    users: dict[str, User] = field(factory=dict, init=False)
    #: By the customer token of account linking.
    links: dict[str, Link] = field(factory=dict, init=False)
    rewards: dict[str, Reward] = field(factory=dict, init=False)
    #: What rewards are paid from.
    wallet: Decimal = field(init=False)
    funded: Decimal = field(init=False)
    _codes: dict[str, AuthCode] = field(factory=dict, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.wallet = self.funded = self.policy.wallet.value

    def add_user(self, *, is_fraud: bool = False, is_gone: bool = False, has_consented: bool = True) -> User:
        """Return a new customer."""
        options = [Option(name=name, balance=Money(held), token=self.ids.uuid()) for name, held in _OPTIONS]
        user = User(
            account_id=f"01-{self.ids.text(32).lower()}-26",
            phone_number=f"+62821{self.ids.digits(8)}",
            auth_token=f"SIM{self.ids.text(97)}",
            email=f"user{len(self.users) + 1}@example.com",
            options=options,
            is_fraud=is_fraud,
            is_gone=is_gone,
            has_consented=has_consented,
        )
        self.users[user.auth_token] = user
        return user

    # --- tokens ---

    def issue_code(self, user: User, at: datetime) -> str:
        """Return a code that may be exchanged once, within six minutes."""
        code = AuthCode(value=self.ids.text(64), user=user, expires_at=at + AUTH_CODE_LIFE)
        self._codes[code.value] = code
        return code.value

    def redeem(self, value: str, at: datetime) -> User | None:
        """Return the user of a code and use it up; None when it is not good."""
        code = self._codes.get(value)
        if code is None or code.is_used or at >= code.expires_at:
            return None
        code.is_used = True
        return code.user

    def link(self, user: User, at: datetime) -> Link:
        """Let *user* allow the merchant to charge the account."""
        link = Link(token=f"SIM{self.ids.text(97)}", user=user, changed_at=at)
        self.links[link.token] = link
        self.changes.append(link)
        return link

    def unlink(self, link: Link, at: datetime) -> None:
        """Take the permission back: the token is rejected from now on."""
        link.is_enabled, link.changed_at, link.message = False, at, "Account unlinked"
        self.changes.append(link)

    def rotate(self, link: Link) -> Link:
        """Give the customer a new token, which the next inquiry tells, and every option too; the old one stays good.

        Whether the provider keeps the old customer token good is not documented.
        """
        fresh = Link(token=f"SIM{self.ids.text(97)}", user=link.user, changed_at=link.changed_at)
        self.links[fresh.token] = fresh
        for option in link.user.options:
            option.token = self.ids.uuid()
        return fresh

    def current(self, user: User) -> Link | None:
        """Return the newest link of *user* that is enabled."""
        return next((one for one in reversed(self.links.values()) if one.user is user and one.is_enabled), None)

    def find_account(self, account_id: str) -> User | None:
        """Return the user with *account_id*."""
        return next((one for one in self.users.values() if one.account_id == account_id), None)

    # --- mini-app ---

    def give(self, user: User, *, amount: Money, reward_type: str, at: datetime) -> Reward:
        """Give *amount* from the merchant's wallet; raise Refusal (reward-coins-emoney page)."""
        if user.is_gone:
            raise Refusal(404, "", "User not found")
        if user.is_fraud:
            raise Refusal(403, "4060", "Fraud validation error")
        if amount.value > self.wallet:
            # Not documented: the page only demands a funded wallet.
            raise Refusal(400, "900", "Unable to process")
        reward = Reward(
            payment_id=self._payment_id(at),
            account_id=user.account_id,
            amount=amount,
            reward_type=reward_type,
            given_at=at,
        )
        self.rewards[reward.payment_id] = reward
        self.wallet -= amount.value
        if reward_type == "GOPAY_GEMS":
            user.gems += amount
        else:
            user.coins += amount
        return reward

    def collect_gems(self, user: User, amount: Money, at: datetime) -> str:
        """Take gems from *user*; raise Refusal.  Return the number of the booking."""
        if amount > user.gems:
            raise Refusal(400, "43001", "Request value exceeds max limit")
        user.gems -= amount
        return self._payment_id(at)

    def remind(self, user: User, reminder_id: str | None, template: str, parameters: Mapping[str, Any]) -> str:
        """Set a reminder, or change the one that is named; raise Refusal."""
        self.check_template(template)
        reminder_id = reminder_id or self.ids.uuid()
        user.reminders[reminder_id] = parameters
        return reminder_id

    def check_template(self, name: str) -> None:
        """Raise Refusal when GoPay has issued no such template."""
        if self.policy.templates is not None and name not in self.policy.templates:
            raise Refusal(404, "40003", "NotificationTemplate not found")

    def _payment_id(self, at: datetime) -> str:
        return f"01{at.astimezone(WIB):%Y%m%d%H%M%S}{self.ids.text(12)}"
