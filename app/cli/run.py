"""Commands that run the archive: everything at once, one process of it, or its first steps."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.settings import Settings, load_settings

from .session import quiet_settings, reached

if TYPE_CHECKING:
    from app.bootstrap import Prepared

app = typer.Typer()

_SAMPLE_FRAMES = 24


@app.command()
def up() -> None:
    """Start everything and keep it running until Ctrl-C.

    PostgreSQL, unless SKYSHELF_DATABASE_URL names one; the API; the ingest worker.
    """
    from app import supervisor  # noqa: PLC0415  # slow to load: only when it runs

    sys.exit(supervisor.run(load_settings()))


@app.command()
def serve() -> None:
    """Serve the API alone; SKYSHELF_DATABASE_URL names its database."""
    from app import serving  # noqa: PLC0415  # slow to load: only when it runs
    from app.db.schema import check_database  # noqa: PLC0415  # the same

    settings = load_settings()
    asyncio.run(check_database(settings.require_database_url()))
    serving.serve(settings)


@app.command()
def worker() -> None:
    """Run the worker alone; SKYSHELF_DATABASE_URL names its database."""
    from worker import main  # noqa: PLC0415  # slow to load: only when it runs

    main.run(load_settings())


@app.command()
def migrate() -> None:
    """Bring the database to this version, and make the first account."""
    from app.db.schema import HEAD  # noqa: PLC0415  # slow to load: only when it runs

    settings = quiet_settings()
    prepared = asyncio.run(_prepare(settings))
    typer.echo(f"The database is at revision {HEAD}.")
    if prepared.admin_password is not None:
        typer.echo(
            f"The account {settings.admin_username!r} was made; its password is"
            f" {prepared.admin_password} (kept in {settings.admin_password_file})."
        )


async def _prepare(settings: Settings) -> "Prepared":
    from app.bootstrap import prepare  # noqa: PLC0415  # slow to load: only when it runs

    async with reached(settings, make=True) as found:
        return await prepare(found)


@app.command()
def sample(
    count: Annotated[
        int | None,
        typer.Argument(min=1, metavar="COUNT", help="How many; default SKYSHELF_SAMPLE_FRAMES."),
    ] = None,
) -> None:
    """Write synthetic frames into the inbox.

    Calibrations, raw and reduced science frames of several sites and nights.
    """
    from app.fits.simulate import write_samples  # noqa: PLC0415  # slow to load: only when it runs

    settings = load_settings()
    wanted = count or settings.sample_frames or _SAMPLE_FRAMES
    last_night = datetime.now(UTC).date() - timedelta(days=2)
    written = write_samples(settings.inbox, wanted, last_night=last_night)
    typer.echo(f"{len(written)} sample frames were written to {settings.inbox}.")
