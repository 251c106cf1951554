"""The command that reads the audit."""

from typing import TYPE_CHECKING, Annotated

import typer

from .output import show_table
from .session import in_archive

if TYPE_CHECKING:
    from app.audit.models import AuditLine
    from app.context import Factory

app = typer.Typer()


@app.command()
def audit(
    *,
    subject: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only lines whose subject has this in it.")
    ] = None,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 20,
) -> None:
    """Tell who did what to the archive, when and why, newest first."""
    in_archive(lambda archive: _show(archive, subject, last))


async def _show(archive: "Factory", subject: str | None, last: int) -> None:
    from app.audit.models import AuditQuery  # noqa: PLC0415  # slow to load: only when it runs
    from app.core.identity import SYSTEM  # noqa: PLC0415  # likewise
    from app.core.paging import Window  # noqa: PLC0415  # likewise

    page = await archive.audit.list(AuditQuery(subject=subject), SYSTEM, Window(limit=last))
    columns = ("when (UTC)", "who", "what", "to what", "why", "details")
    show_table(columns, [_row(line) for line in page.items])


def _row(line: "AuditLine") -> tuple[object, ...]:
    details = ", ".join(f"{name} {value}" for name, value in line.details.items())
    when = f"{line.at:%Y-%m-%d %H:%M:%S}"
    return when, line.who, line.action, line.subject, line.reason, details
