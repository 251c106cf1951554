"""LCO science archive, spoken strictly."""

from app.api.archive.routes import TAGS, router
from app.api.mounts import Dialect
from app.api.problem_forms import write_detail

__all__ = ["DIALECT"]

DIALECT = Dialect(
    name="archive",
    title="Skyshelf: LCO science archive, spoken strictly",
    description="Speaks exactly as the LCO science archive does; for clients of it.",
    routers=(router,),
    tags=TAGS,
    write=write_detail,
)
