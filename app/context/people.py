"""Who uses the archive."""

from dataclasses import dataclass
from functools import cached_property

from app.accounts.browsers import BrowserSessions
from app.accounts.logins import LoginLimits
from app.accounts.proposals import ProposalService
from app.accounts.service import AccountService
from app.accounts.throttle import Throttle
from app.context.process import Process
from app.core.rates import parse_rate


@dataclass(frozen=True)
class People(Process):
    """Who uses the archive."""

    @cached_property
    def accounts(self) -> AccountService:
        """Users and tokens."""
        secret = self.settings.secret()
        return AccountService(
            self.sessions, secret_key=secret, clock=self.clock, limits=self.login_limits
        )

    @cached_property
    def browser_sessions(self) -> BrowserSessions:
        """Log-ins of browsers."""
        return BrowserSessions(
            self.sessions,
            clock=self.clock,
            lifetime_s=self.settings.session_lifetime_s,
            limits=self.login_limits,
        )

    @cached_property
    def login_limits(self) -> LoginLimits:
        """How often log-ins may fail."""
        return LoginLimits(
            per_user=parse_rate(self.settings.login_rate_per_user),
            per_address=parse_rate(self.settings.login_rate_per_address),
        )

    @cached_property
    def proposals(self) -> ProposalService:
        """Proposals, with members and tags."""
        return ProposalService(self.sessions)

    @cached_property
    def throttle(self) -> Throttle:
        """Counts of what may not be done too often."""
        return Throttle(self.sessions, self.clock)
