"""`skyshelf serve`: uvicorn and its API processes, which alone load the application.

Run as a program, it does so without further checks: `skyshelf up` has made them.
"""

import os
from typing import Any

import uvicorn

from app.logs import configure_logs
from app.settings import PREFIX, Settings, load_settings


def serve(settings: Settings) -> None:
    """Serve the API in the foreground until SIGINT or SIGTERM.

    Parameters
    ----------
    settings
        With the URL of a database.
    """
    configure_logs(level=settings.log_level, style=settings.log_format)
    os.environ[f"{PREFIX}DATABASE_URL"] = settings.require_database_url()
    uvicorn.run("app.main:app_of_process", factory=True, **server_options(settings))


def server_options(settings: Settings) -> dict[str, Any]:
    """Say how uvicorn serves.

    Parameters
    ----------
    settings
        Of the process.

    Returns
    -------
    dict
        What `uvicorn.Config` takes, apart from the application.
    """
    return {
        "host": settings.host,
        "port": settings.port,
        "workers": settings.api_workers,
        "http": "app.api.server_protocol:GuardedProtocol",
        "ws": "none",
        "log_config": None,
        "access_log": False,
        "timeout_graceful_shutdown": 5,
        "server_header": False,
        "limit_concurrency": settings.max_connections,
        "proxy_headers": bool(settings.trusted_proxies),  # by default uvicorn trusts 127.0.0.1
        "forwarded_allow_ips": [*settings.trusted_proxies],
    }


if __name__ == "__main__":
    serve(load_settings())
