"""The API process: `create_app` makes it; there is no instance at import."""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from app.api import accounts, frames, health, ingest
from app.api.deps import SECURITY_SCHEMES, name_callers
from app.api.docs_page import install_docs_page
from app.api.middleware import install_middleware
from app.api.problems import customise_openapi, install_problem_handlers
from app.context import Factory, process_context
from app.logs import configure_logs
from app.settings import Settings, load_settings

DESCRIPTION = """
The archive of an observatory: search, headers, previews, downloads and zips of FITS frames.

Everybody sees public frames, a user also those of his proposals, staff everything. Get a token
from `api-token-auth/` and send it as `Authorization: Token <token>`. Errors are problem documents
(RFC 9457). Times are UTC, angles degrees (ICRS), sizes bytes.
"""

Opener = Callable[[Settings], AbstractAsyncContextManager[Factory]]


def create_app(settings: Settings, open_context: Opener = process_context) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    settings
        Of the process.
    open_context
        Opens what the process owns, when the application starts.

    Returns
    -------
    FastAPI
        Ready to be served.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_context(settings) as factory:
            app.state.factory = factory
            yield

    app = FastAPI(
        title="Skyshelf",
        version=version("skyshelf"),
        summary="An observatory's FITS archive",
        description=DESCRIPTION,
        license_info={"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        openapi_tags=[*accounts.TAGS, *frames.TAGS, *ingest.TAGS, *health.TAGS],
    )
    for area in (accounts, frames, ingest, health):
        name_callers(area.router)
        app.include_router(area.router)
    install_docs_page(app)
    install_problem_handlers(app)
    install_middleware(
        app, max_body_bytes=settings.max_upload_bytes, upload_paths=frames.UPLOAD_PATHS
    )
    customise_openapi(app)
    _add_security_schemes(app)
    return app


def _add_security_schemes(app: FastAPI) -> None:
    """Describe how a token is sent."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        document["components"]["securitySchemes"] = SECURITY_SCHEMES
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def app_of_process() -> FastAPI:
    """Make the application of a process that uvicorn started.

    Returns
    -------
    FastAPI
        By the settings of the environment.
    """
    settings = load_settings()
    configure_logs(level=settings.log_level, style=settings.log_format)
    app = create_app(settings)
    gc.collect()
    gc.freeze()  # what was loaded stays: no garbage collection shall look through it again
    return app
