"""``skyshelf docs``: the generated pages of the documentation."""

import sys
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def docs(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; name pages that are out of date.")
    ] = False,
) -> None:
    """Write the pages that come from the code.

    Settings, .env.example, keyword map, commands, and the OpenAPI document. With --check,
    exit code 1 says that a page is out of date.
    """
    from . import app as commands  # noqa: PLC0415  # it imports this module
    from .generated import generated_pages, out_of_date, write_pages  # noqa: PLC0415  # slow

    pages = generated_pages(commands)
    stale = out_of_date(pages)
    if not check:
        write_pages(pages)
    for file in stale:
        typer.echo(f"{file} {'is out of date' if check else 'written'}")
    if check and stale:
        sys.exit(1)
