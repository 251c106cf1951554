"""Accounts in the database; private to this feature."""

from app.accounts.store.accounts import AccountStore
from app.accounts.store.counters import CounterStore
from app.accounts.store.proposals import ProposalStore
from app.accounts.store.sessions import SessionStore

__all__ = ["AccountStore", "CounterStore", "ProposalStore", "SessionStore"]
