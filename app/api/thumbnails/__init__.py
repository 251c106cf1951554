"""The LCO thumbnail service."""

from app.api.accounts.routes import token_router
from app.api.mounts import Dialect
from app.api.thumbnails.routes import TAGS, router
from app.api.thumbnails.wire import MessageOut, write_message

__all__ = ["DIALECT"]

DIALECT = Dialect(
    name="thumbnails",
    title="Skyshelf: LCO thumbnail service",
    description="Pictures of frames, as the LCO thumbnail service gives them. A user sees the"
    ' thumbnails of the frames that he sees in the archive. Errors are `{"message": …}`.',
    routers=(token_router, router),
    tags=TAGS,
    write=write_message,
    error_shape=MessageOut,
)
