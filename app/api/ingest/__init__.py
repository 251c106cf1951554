"""Every file that ever came in."""

from app.api.ingest.routes import TAGS, router

__all__ = ["TAGS", "router"]
