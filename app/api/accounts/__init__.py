"""Tokens, log-in and profiles."""

from app.api.accounts.routes import TAGS, router, session_router, token_router

__all__ = ["TAGS", "router", "session_router", "token_router"]
