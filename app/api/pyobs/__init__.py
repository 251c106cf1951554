"""pyobs-archive, spoken strictly."""

from app.api.mounts import Dialect
from app.api.problem_forms import write_detail
from app.api.pyobs.routes import TAGS, router

__all__ = ["DIALECT"]

DIALECT = Dialect(
    name="pyobs",
    title="Skyshelf: pyobs-archive, spoken strictly",
    description="Speaks exactly as pyobs-archive does; for clients of it.",
    routers=(router,),
    tags=TAGS,
    write=write_detail,
)
