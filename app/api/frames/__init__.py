"""Frames: search, headers, files, pictures, zips, upload."""

from app.api.frames.routes import TAGS, UPLOAD_PATHS, router

__all__ = ["TAGS", "UPLOAD_PATHS", "router"]
