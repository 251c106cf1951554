"""Tokens and profiles."""

from app.api.accounts.routes import TAGS, router

__all__ = ["TAGS", "router"]
