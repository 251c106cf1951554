"""Rows of a pyobs-archive, releases 1.0 to 2.0, as this archive understands them.

Tables: ``api_frame``, ``api_frame_related``, ``auth_user``, ``authtoken_token`` and, since 2.0,
``api_project`` and ``api_project_users``. Columns that came later may be missing.
"""

import math
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, TypeVar

from app.accounts.adoption import Account
from app.accounts.django_passwords import stored_form
from app.core.errors import InvalidError
from app.imports.models import Tell, failed
from app.imports.pyobs_database import Row, Tables

T = TypeVar("T")

_PAGE = 500
_NAMES = ("id", "basename", "username")
_NIGHT_UNKNOWN = date(1970, 1, 1)
"""What old releases wrote where they could not read DAY-OBS."""

_TEXTS = {
    "site": "SITEID", "telescope": "TELID", "instrument": "INSTRUME", "image_type_raw": "IMAGETYP",
    "object_name": "OBJECT", "filter_name": "FILTER", "request_text": "REQNUM",
    "observation_text": "OBSNUM", "proposal": "PROJECT",
}  # fmt: skip
_NUMBERS = {
    "exposure_s": "EXPTIME", "telescope_altitude_deg": "TEL_ALT", "telescope_azimuth_deg": "TEL_AZ",
    "focus": "TEL_FOCU", "sun_altitude_deg": "SUNALT", "sun_distance_deg": "SUNDIST",
    "moon_altitude_deg": "MOONALT", "moon_fraction": "MOONFRAC", "moon_distance_deg": "MOONDIST",
}  # fmt: skip
_COUNTS = {
    "width_px": "width", "height_px": "height", "x_binning": "XBINNING", "y_binning": "YBINNING",
}  # fmt: skip
"""Fact -> column. Not DATAMEAN: where it was not known, the table has 1."""

_MAX_COUNT = 2**31 - 1

_FRAMES = 'SELECT * FROM "api_frame" WHERE id > $1 ORDER BY id LIMIT $2'
_RELATED = (
    'SELECT l.from_frame_id AS id, f.basename AS basename FROM "api_frame_related" l'
    ' JOIN "api_frame" f ON f.id = l.to_frame_id WHERE l.from_frame_id BETWEEN $1 AND $2'
    " ORDER BY l.id"
)
_USERS = (
    'SELECT u.*, t.key AS token FROM "auth_user" u'
    ' LEFT JOIN "authtoken_token" t ON t.user_id = u.id ORDER BY u.id'
)
_PROJECTS = 'SELECT code, name, public FROM "api_project" ORDER BY code'
_MEMBERS = (
    'SELECT m.project_id AS code, u.username AS username FROM "api_project_users" m'
    ' JOIN "auth_user" u ON u.id = m.user_id ORDER BY m.id'
)


class BrokenRowError(InvalidError):
    """A row holds what cannot be understood."""

    title = "Broken row"


@dataclass(frozen=True, slots=True)
class OldFrame:
    """A frame of a pyobs-archive.

    Attributes
    ----------
    id, basename
        Of the frame.
    folder
        Of its file, below the root of that archive.
    night
        None where it is not known.
    facts
        What the row says, by the names of `app.frames.models.FrameFacts`.
    project
        Code of its project; None for none.
    related
        Basenames of the frames that it links.
    """

    id: int
    basename: str
    folder: str
    night: date | None
    facts: Mapping[str, Any]
    project: str | None
    related: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OldProject:
    """A project of a pyobs-archive.

    Attributes
    ----------
    code, name
        Of the project.
    is_public
        Whether every user sees its frames.
    members
        User names.
    """

    code: str
    name: str
    is_public: bool
    members: tuple[str, ...]


async def count_frames(tables: Tables) -> tuple[int, int]:
    """Count the frames.

    Parameters
    ----------
    tables
        Of the database.

    Returns
    -------
    int
        Number of frames.
    int
        Greatest id; 0 for none.
    """
    (row,) = await tables.rows('SELECT count(*) AS number, max(id) AS last FROM "api_frame"')
    return row["number"], row["last"] or 0


async def frames_of(tables: Tables, tell: Tell) -> AsyncIterator[list[OldFrame]]:
    """Read all frames by id; those that are added meanwhile too.

    Parameters
    ----------
    tables
        Of the database.
    tell
        Hears of rows that are no frames.

    Yields
    ------
    list of OldFrame
        Some hundred at a time.
    """
    last = 0
    while rows := await tables.rows(_FRAMES, last, _PAGE):
        first, last = rows[0]["id"], rows[-1]["id"]
        related: dict[int, list[str]] = defaultdict(list)
        for link in await tables.rows(_RELATED, first, last):
            related[link["id"]].append(link["basename"])
        frames = (_read(row, partial(_frame, related=related[row["id"]]), tell) for row in rows)
        yield [frame for frame in frames if frame is not None]


async def accounts_of(tables: Tables, tell: Tell) -> list[Account]:
    """Read all users with their tokens.

    Parameters
    ----------
    tables
        Of the database.
    tell
        Hears of rows that are no users.

    Returns
    -------
    list of Account
        By id.
    """
    accounts = [_read(row, _account, tell) for row in await tables.rows(_USERS)]
    return [account for account in accounts if account is not None]


async def projects_of(tables: Tables) -> list[OldProject]:
    """Read all projects with their members.

    Parameters
    ----------
    tables
        Of the database.

    Returns
    -------
    list of OldProject
        Empty for a release that knows none.
    """
    if not await tables.has_table("api_project"):
        return []
    members: dict[str, list[str]] = defaultdict(list)
    for row in await tables.rows(_MEMBERS):
        members[row["code"]].append(row["username"])
    return [
        OldProject(row["code"], row["name"], bool(row["public"]), tuple(members[row["code"]]))
        for row in await tables.rows(_PROJECTS)
    ]


def _read(row: Row, reader: Callable[[Row], T], tell: Tell) -> T | None:
    """Read a row; say so where it cannot be one."""
    try:
        return reader(row)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        fault = BrokenRowError(f"its row in the pyobs-archive is broken: {error}")
        tell(failed(" ".join(["row", *(str(row[name]) for name in _NAMES if name in row)]), fault))
        return None


def _frame(row: Row, related: Sequence[str]) -> OldFrame:
    facts: dict[str, Any] = {
        **{fact: row.get(column) for fact, column in _TEXTS.items() if _is_text(row.get(column))},
        **{fact: row.get(column) for fact, column in _NUMBERS.items() if _is_number(row[column])},
        **{fact: row.get(column) for fact, column in _COUNTS.items() if _is_count(row[column])},
    }
    ra_deg, dec_deg = row["TEL_RA"], row["TEL_DEC"]
    if _is_number(ra_deg) and _is_number(dec_deg) and abs(dec_deg) <= 90:
        facts |= {"ra_deg": ra_deg % 360, "dec_deg": dec_deg}
    observed_at = _or_none(_moment, row["DATE_OBS"])
    if observed_at is not None:
        facts["observed_at"] = observed_at
    night = _or_none(date.fromisoformat, str(row["night"]))
    return OldFrame(
        id=row["id"],
        basename=str(row["basename"]),
        folder="/".join(part for part in row["path"].split("/") if part),
        night=None if night == _NIGHT_UNKNOWN else night,
        facts=facts,
        project=facts.get("proposal"),
        related=tuple(related),
    )


def _or_none(reader: Callable[[Any], T], value: object) -> T | None:
    """Read a value that the header of the file may have, too."""
    try:
        return reader(value)
    except (ValueError, TypeError, AttributeError, OverflowError):
        return None


def _is_text(value: object) -> bool:
    """Tell text that says something and that PostgreSQL holds."""
    return isinstance(value, str) and value != "" and value.isprintable()


def _is_number(value: object) -> bool:
    """Tell finite numbers; SQLite holds anything in any column."""
    return isinstance(value, int | float) and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value <= _MAX_COUNT


def _account(row: Row) -> Account:
    return Account(
        username=row["username"],
        email=row["email"] or None,
        password_hash=stored_form(row["password"]),
        is_active=bool(row["is_active"]),
        is_staff=bool(row["is_staff"]),
        is_superuser=bool(row["is_superuser"]),
        token=row["token"],
        created_at=_moment(row["date_joined"]),
    )


def _moment(value: datetime | str) -> datetime:
    """Read a time; SQLite has it as text, in UTC."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
