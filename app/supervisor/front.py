"""The front of the house: is the API ready, and where is everything."""

import asyncio
import json
import time

import structlog

from app.settings import PREFIX, Settings

_log = structlog.get_logger(__name__)

_POLL_S, _TIMEOUT_S, _REPORT_S = 0.05, 5.0, 10.0
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # where to ask, not to listen


async def until_ready(settings: Settings) -> None:
    """Wait until the API says that it is ready; report while it does not.

    Parameters
    ----------
    settings
        Of the installation.
    """
    report_at = time.monotonic() + _REPORT_S
    while (why := await _why_not_ready(settings)) is not None:
        if time.monotonic() > report_at:
            report_at += _REPORT_S
            _log.warning("waiting for the API to be ready", why=why)
        await asyncio.sleep(_POLL_S)


async def _why_not_ready(settings: Settings) -> str | None:
    """Ask the API why it is not ready; None where it is."""
    host = _ANY_ADDRESS.get(settings.host, settings.host)
    request = f"GET /health/ready HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, settings.port)
            writer.write(request.encode("ascii"))
            status_line, _, rest = (await reader.read()).partition(b"\r\n")
            writer.close()
    except OSError:  # nobody listens yet, or nobody answers
        return "it does not answer yet"
    return None if b" 200 " in status_line else _detail_of(rest)


def _detail_of(rest: bytes) -> str:
    """Find the sentence of a problem document in an answer."""
    try:
        return str(json.loads(rest.partition(b"\r\n\r\n")[2])["detail"])
    except (ValueError, KeyError, TypeError):
        return "its answer cannot be read"


def show_panel(settings: Settings, admin_password: str | None) -> None:
    """Say where everything is.

    Parameters
    ----------
    settings
        Of the installation.
    admin_password
        A password that was generated just now; None means that the admin has one.
    """
    from rich.console import Console  # noqa: PLC0415  # slow to load: the start comes first
    from rich.panel import Panel  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    rows = {
        "API": settings.public_url,
        "Swagger": f"{settings.public_url}/docs",
        "inbox": str(settings.inbox),
        "data": str(settings.data_dir.absolute()),
        settings.admin_username: _password_row(settings, admin_password),
    }
    grid = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        grid.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    Console().print(Panel(grid, title="Skyshelf is ready", subtitle="Ctrl-C stops it"))


def _password_row(settings: Settings, generated: str | None) -> str:
    """Say what the admin's password is, or where it is."""
    if settings.admin_password is not None:
        return f"password as in {PREFIX}ADMIN_PASSWORD"
    kept = f"in {settings.admin_password_file}"
    return f"password {generated} (kept {kept})" if generated else f"password {kept}"
