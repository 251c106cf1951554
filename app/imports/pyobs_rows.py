"""Rows of a pyobs-archive, releases 1.0 to 2.0, as this archive understands them.

Tables: ``api_frame``, ``api_frame_related``, ``auth_user``, ``authtoken_token`` and, since 2.0,
``api_project`` and ``api_project_users``. Columns that came later may be missing.
"""

import math
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from app.accounts.adoption import Account
from app.accounts.django_passwords import stored_form
from app.imports.pyobs_database import Row, Tables

_PAGE = 500
_NIGHT_UNKNOWN = date(1970, 1, 1)
"""What old releases wrote where they could not read DAY-OBS."""

_FACTS = {
    "site": "SITEID", "telescope": "TELID", "instrument": "INSTRUME", "image_type_raw": "IMAGETYP",
    "object_name": "OBJECT", "filter_name": "FILTER", "exposure_s": "EXPTIME",
    "telescope_altitude_deg": "TEL_ALT", "telescope_azimuth_deg": "TEL_AZ", "focus": "TEL_FOCU",
    "sun_altitude_deg": "SUNALT", "sun_distance_deg": "SUNDIST", "moon_altitude_deg": "MOONALT",
    "moon_fraction": "MOONFRAC", "moon_distance_deg": "MOONDIST", "width_px": "width",
    "height_px": "height", "x_binning": "XBINNING", "y_binning": "YBINNING",
    "request_text": "REQNUM", "observation_text": "OBSNUM", "proposal": "PROJECT",
}  # fmt: skip
"""Fact -> column. Not DATAMEAN: where it was not known, the table has 1."""

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


async def frames_of(tables: Tables) -> AsyncIterator[list[OldFrame]]:
    """Read all frames by id; those that are added meanwhile too.

    Parameters
    ----------
    tables
        Of the database.

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
        yield [_frame(row, tuple(related[row["id"]])) for row in rows]


async def accounts_of(tables: Tables) -> list[Account]:
    """Read all users with their tokens.

    Parameters
    ----------
    tables
        Of the database.

    Returns
    -------
    list of Account
        By id.
    """
    return [_account(row) for row in await tables.rows(_USERS)]


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


def _frame(row: Row, related: tuple[str, ...]) -> OldFrame:
    facts = {fact: row.get(column) for fact, column in _FACTS.items()}
    facts = {fact: value for fact, value in facts.items() if _is_said(value)}
    facts["observed_at"] = _moment(row["DATE_OBS"])
    if _is_said(row["TEL_RA"]) and _is_said(row["TEL_DEC"]):
        facts |= {"ra_deg": row["TEL_RA"] % 360, "dec_deg": row["TEL_DEC"]}
    night = date.fromisoformat(str(row["night"]))
    return OldFrame(
        id=row["id"],
        basename=row["basename"],
        folder="/".join(part for part in row["path"].split("/") if part),
        night=None if night == _NIGHT_UNKNOWN else night,
        facts=facts,
        project=row.get("PROJECT"),
        related=related,
    )


def _is_said(value: object) -> bool:
    """Tell what can be filed from what says nothing, or what PostgreSQL does not hold."""
    if isinstance(value, str) and not value.isprintable():
        return False
    return value not in {None, ""} and not (isinstance(value, float) and not math.isfinite(value))


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
