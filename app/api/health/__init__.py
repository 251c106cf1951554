"""Whether the service lives and is ready."""

from app.api.health.routes import TAGS, router

__all__ = ["TAGS", "router"]
