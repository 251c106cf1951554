"""Frames: search, headers, files, pictures, zips, upload."""

from app.api.frames.routes import TAGS, router

__all__ = ["TAGS", "router"]
