"""Deleted frames, and how they come back."""

from app.api.removed.routes import TAGS, router

__all__ = ["TAGS", "router"]
