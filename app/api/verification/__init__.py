"""What the last verification of the archive found."""

from app.api.verification.routes import TAGS, router

__all__ = ["TAGS", "router"]
