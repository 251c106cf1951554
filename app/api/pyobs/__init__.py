"""pyobs-archive, spoken strictly."""

from app.api.accounts.routes import session_router, token_router
from app.api.mounts import Dialect
from app.api.pyobs.problems import write_pyobs
from app.api.pyobs.routes import TAGS, UPLOAD_PATHS, router

__all__ = ["DIALECT"]

DIALECT = Dialect(
    name="pyobs",
    title="Skyshelf: pyobs-archive, spoken strictly",
    description="Speaks exactly as pyobs-archive does; for clients of it. All but the login needs a"
    " token: send it as `Authorization: Token <token>`.",
    routers=(token_router, session_router, router),
    tags=TAGS,
    write=write_pyobs,
    upload_paths=UPLOAD_PATHS,
)
