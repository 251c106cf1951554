"""Who did what."""

from app.api.audit.routes import TAGS, router

__all__ = ["TAGS", "router"]
