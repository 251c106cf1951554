"""LCO thumbnail service."""

from app.api.mounts import Dialect
from app.api.problem_forms import write_detail
from app.api.thumbnails.routes import TAGS, router

__all__ = ["DIALECT"]

DIALECT = Dialect(
    name="thumbnails",
    title="Skyshelf: LCO thumbnail service",
    description="Pictures of frames, as the LCO thumbnail service gives them.",
    routers=(router,),
    tags=TAGS,
    write=write_detail,
)
