"""The API process: `create_app` makes it; there is no instance at import."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from app.api import (
    accounts,
    archive,
    audit,
    frames,
    health,
    ingest,
    pyobs,
    removed,
    thumbnails,
    verification,
)
from app.api.deps import SECURITY_SCHEMES, name_callers
from app.api.docs_page import install_docs_page
from app.api.landing import install_landing_page
from app.api.middleware import install_middleware
from app.api.mounts import Dialect
from app.api.problem_docs import customise_openapi
from app.api.problem_forms import ProblemOut
from app.api.problems import install_problem_handlers
from app.context import Factory, process_context
from app.logs import configure_logs
from app.settings import Settings, load_settings

DESCRIPTION = """
The archive of an observatory: search, headers, previews, downloads and zips of FITS frames.

Everybody sees public frames, a user also those of his proposals, superusers everything. Get a token
from `api-token-auth/` and send it as `Authorization: Token <token>`. Errors are problem documents
(RFC 9457). Times are UTC, angles degrees (ICRS), sizes bytes.
"""

DIALECTS = (pyobs.DIALECT, archive.DIALECT, thumbnails.DIALECT)
"""Every dialect that has a strict mount."""

AREAS = (accounts, frames, removed, ingest, verification, audit, health)
"""Areas of the root, in the order of its document."""

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
            watching = asyncio.create_task(factory.volumes.watch(), name="volumes")
            try:
                yield
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

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
        openapi_tags=[tag for each in AREAS for tag in each.TAGS],
    )
    for router in (
        accounts.token_router,
        accounts.session_router,
        *(each.router for each in AREAS),
        *archive.ROOT_ROUTERS,
    ):
        _include(app, router)
    install_landing_page(app, DIALECTS)
    _finish(app, ProblemOut)
    for dialect in DIALECTS:
        app.mount(dialect.prefix, mounted_app(dialect, app))
    uploads = {f"{each.prefix}{path}" for each in DIALECTS for path in each.upload_paths}
    install_middleware(app, settings, dialects=DIALECTS, upload_paths=frames.UPLOAD_PATHS | uploads)
    return app


def mounted_app(dialect: Dialect, outer: FastAPI) -> FastAPI:
    """Make the application of a strict mount.

    Parameters
    ----------
    dialect
        What it speaks.
    outer
        The application that it is mounted in; they share their state.

    Returns
    -------
    FastAPI
        With its own paths and its own OpenAPI document.
    """
    app = FastAPI(
        title=dialect.title,
        version=outer.version,
        description=dialect.description,
        license_info=outer.license_info,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        openapi_tags=[*dialect.tags],
        servers=[{"url": "."}],  # where the document is: below the mount, or at its own host
        root_path_in_servers=False,
    )
    app.state = outer.state
    app.router.redirect_slashes = False
    _finish(app, dialect.error_shape)
    for router in dialect.routers:
        _include(app, router)
    return app


def _include(app: FastAPI, router: APIRouter) -> None:
    """Add the routes of an area, each with its caller in the document."""
    name_callers(router)
    app.include_router(router)


def _finish(app: FastAPI, error_shape: type[BaseModel]) -> None:
    """Add what every mount has."""
    install_docs_page(app)
    install_problem_handlers(app)
    customise_openapi(app, error_shape)
    _add_security_schemes(app)


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
