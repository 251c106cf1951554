"""The Swagger page, with its scripts from here: an observatory may not have the internet."""

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from app.api.security_headers import scripted_page_policy

_SCRIPTS = ("fastapi_swagger", "resources")
"""The package that carries a build of Swagger UI."""


def install_docs_page(app: FastAPI) -> None:
    """Serve the page at ``/docs``.

    Parameters
    ----------
    app
        Made without FastAPI's own page.
    """
    app.mount("/swagger", StaticFiles(packages=[_SCRIPTS]))

    @app.head("/docs", include_in_schema=False)
    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        base = "../" if request.scope.get("raw_path", b"").endswith(b"/") else ""
        page = get_swagger_ui_html(
            openapi_url=f"{base}openapi.json",
            title=app.title,
            swagger_js_url=f"{base}swagger/swagger-ui-bundle.js",
            swagger_css_url=f"{base}swagger/swagger-ui.css",
            swagger_favicon_url=f"{base}swagger/favicon-32x32.png",
            swagger_ui_parameters={"persistAuthorization": True, "filter": True},
        )
        policy = scripted_page_policy(bytes(page.body).decode())
        page.headers["Content-Security-Policy"] = policy
        return page
