"""LCO science archive, spoken strictly."""

from app.api import accounts, health
from app.api.archive import plain_files, thumbnails, versions, writing
from app.api.archive.problems import write_archive
from app.api.archive.routes import TAGS, router
from app.api.mounts import Dialect

__all__ = ["DIALECT", "ROOT_ROUTERS"]

ROOT_ROUTERS = (plain_files.router, writing.router, versions.router)
"""Routes that the root has under the same paths; errors take the form of the mount."""

DIALECT = Dialect(
    name="archive",
    title="Skyshelf: LCO science archive, spoken strictly",
    description="Speaks exactly as the LCO science archive does; for clients of it.",
    routers=(
        router,
        *ROOT_ROUTERS,
        writing.mount_router,
        thumbnails.router,
        accounts.token_router,
        accounts.router,
        health.router,
    ),
    tags=[*TAGS, *versions.TAGS, *thumbnails.TAGS, *accounts.TAGS, *health.TAGS],
    write=write_archive,
)
