"""A pyobs-archive as its published schema describes it, for tests of the import."""

import base64
import hashlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from astropy.io import fits

from tests.support.fits_files import CardValue, make_fits, make_header, ramp

RELEASES = ("1.1.2", "2.0.0")

_FRAME = """
CREATE TABLE "api_frame" (
  "id" {id}, "basename" varchar(50) NOT NULL{unique}, "path" varchar(100) NOT NULL,
  "SITEID" varchar(10) NOT NULL, "TELID" varchar(5) NOT NULL, "INSTRUME" varchar(5) NOT NULL,
  "IMAGETYP" varchar(15) NOT NULL, "RLEVEL" integer NOT NULL, "DATE_OBS" {time} NOT NULL,
  "OBJECT" varchar(50), "TEL_RA" {real}, "TEL_DEC" {real}, "vec_x" {real}, "vec_y" {real},
  "vec_z" {real}, "TEL_ALT" {real}, "TEL_AZ" {real}, "TEL_FOCU" {real}, "SUNALT" {real},
  "SUNDIST" {real}, "MOONALT" {real}, "MOONFRAC" {real}, "MOONDIST" {real},
  "EXPTIME" {real} NOT NULL, "FILTER" varchar(20), "XBINNING" integer NOT NULL,
  "YBINNING" integer NOT NULL, "XORGSUBF" integer NOT NULL, "YORGSUBF" integer NOT NULL,
  "width" integer NOT NULL, "height" integer NOT NULL, "DATAMEAN" {real}, "night" date NOT NULL,
  "REQNUM" varchar(30){newer}
)"""
_NEWER = ', "OBSNUM" varchar(30), "PROJECT" varchar(10)'
_OTHERS = """
CREATE TABLE "api_frame_related" (
  "id" {id}, "from_frame_id" integer NOT NULL REFERENCES "api_frame" ("id"),
  "to_frame_id" integer NOT NULL REFERENCES "api_frame" ("id")
);
CREATE TABLE "auth_user" (
  "id" {id}, "password" varchar(128) NOT NULL, "last_login" {time}, "is_superuser" {bool} NOT NULL,
  "username" varchar(150) NOT NULL UNIQUE, "first_name" varchar(30) NOT NULL,
  "last_name" varchar(150) NOT NULL, "email" varchar(254) NOT NULL, "is_staff" {bool} NOT NULL,
  "is_active" {bool} NOT NULL, "date_joined" {time} NOT NULL
);
CREATE TABLE "authtoken_token" (
  "key" varchar(40) NOT NULL PRIMARY KEY, "created" {time} NOT NULL,
  "user_id" integer NOT NULL UNIQUE REFERENCES "auth_user" ("id")
)"""
_PROJECTS = """
CREATE TABLE "api_project" (
  "code" varchar(10) NOT NULL PRIMARY KEY, "name" varchar(200) NOT NULL, "public" {bool} NOT NULL
);
CREATE TABLE "api_project_users" (
  "id" {id}, "project_id" varchar(10) NOT NULL REFERENCES "api_project" ("code"),
  "user_id" integer NOT NULL REFERENCES "auth_user" ("id")
)"""
_TYPES = {
    "sqlite": {
        "id": "integer NOT NULL PRIMARY KEY AUTOINCREMENT",
        "time": "datetime",
        "real": "real",
        "bool": "bool",
    },
    "postgresql": {
        "id": "serial PRIMARY KEY",
        "time": "timestamp with time zone",
        "real": "double precision",
        "bool": "boolean",
    },
}


def token_of(name: str) -> str:
    """Make the token that a user has there."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def django_hash(password: str, iterations: int = 1000) -> str:
    """Hash a password as Django does by default."""
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), b"somesalt", iterations)
    return f"pbkdf2_sha256${iterations}$somesalt${base64.b64encode(digest).decode()}"


@dataclass
class PyobsArchive:
    """Rows and files of a pyobs-archive; `statements` makes its database."""

    root: Path
    release: str = "2.0.0"
    inserts: list[str] = field(default_factory=list)

    def insert(self, table: str, **values: object) -> None:
        """Add a row."""
        columns = ", ".join(f'"{name}"' for name in values)
        shown = ", ".join(_literal(value) for value in values.values())
        statement = f'INSERT INTO "{table}" ({columns}) VALUES ({shown})'  # noqa: S608  # a test's
        self.inserts.append(statement)

    def user(self, number: int, name: str, *, token: str | None = None, **values: object) -> None:
        """Add a user, with a token unless it is empty."""
        defaults = {
            "password": django_hash(f"{name} has a password"),
            "is_superuser": False,
            "username": name,
            "first_name": "",
            "last_name": "",
            "email": f"{name}@example.org",
            "is_staff": False,
            "is_active": True,
            "date_joined": "2020-11-23 10:00:00+00:00",
        }
        self.insert("auth_user", id=number, **{**defaults, **values})
        key = token_of(name) if token is None else token
        if key:
            made = "2020-11-23 10:00:00+00:00"
            self.insert("authtoken_token", key=key, created=made, user_id=number)

    def frame(
        self, number: int, basename: str, *, with_file: bool = True, **values: object
    ) -> Path:
        """Add a frame with its file; return where the file is, or should be."""
        folder = "tst/2026-11-18/"
        defaults = {
            "basename": basename,
            "path": folder,
            "SITEID": "tst",
            "TELID": "1m0a",
            "INSTRUME": "cam1",
            "IMAGETYP": "object",
            "RLEVEL": 0,
            "DATE_OBS": "2026-11-19 03:04:05.678000+00:00",
            "OBJECT": "M67",
            "TEL_RA": 132.846,
            "TEL_DEC": 11.814,
            "TEL_ALT": 55.5,
            "EXPTIME": 12.5,
            "FILTER": "V",
            "XBINNING": 1,
            "YBINNING": 1,
            "XORGSUBF": 0,
            "YORGSUBF": 0,
            "width": 24,
            "height": 32,
            "DATAMEAN": 1.0,
            "night": "2026-11-18",
            "REQNUM": "4711",
        }
        self.insert("api_frame", id=number, **{**defaults, **values})
        path = self.root / str(values.get("path", folder)) / f"{basename}.fits.fz"
        if with_file:
            packed_file(path, FNAME=basename)
        return path

    def related(self, from_id: int, to_id: int) -> None:
        """Link one frame to another."""
        self.insert("api_frame_related", from_frame_id=from_id, to_frame_id=to_id)

    def project(self, code: str, *, public: bool, members: tuple[int, ...] = ()) -> None:
        """Add a project of release 2."""
        self.insert("api_project", code=code, name=f"project {code}", public=public)
        for member in members:
            self.insert("api_project_users", project_id=code, user_id=member)

    def statements(self, kind: str) -> list[str]:
        """Give what makes the database."""
        is_newer = self.release.startswith("2")
        fill = _TYPES[kind] | {
            "unique": " UNIQUE" if is_newer else "",
            "newer": _NEWER if is_newer else "",
        }
        tables = ";".join([_FRAME, _OTHERS, *([_PROJECTS] if is_newer else [])])
        return [*tables.format(**fill).split(";"), *self.inserts]

    def write_sqlite(self, path: Path) -> str:
        """Make the database as an SQLite file, anew."""
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in self.statements("sqlite"):
                connection.execute(statement.replace("+00:00'", "'"))
        return str(path)

    async def write_postgresql(self, url: str, name: str) -> str:
        """Make the database in a PostgreSQL server."""
        plain = url.replace("postgresql+asyncpg://", "postgresql://")
        connection = await asyncpg.connect(plain)
        await connection.execute(f"DROP DATABASE IF EXISTS {name}")
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        start, _, query = plain.partition("?")
        made = f"{start.rpartition('/')[0]}/{name}{'?' if query else ''}{query}"
        connection = await asyncpg.connect(made)
        for statement in self.statements("postgresql"):
            await connection.execute(statement)
        await connection.close()
        return made


def packed_file(path: Path, **cards: CardValue) -> Path:
    """Write a file as pyobs-archive stores it: an empty primary HDU, and SCI tile-compressed."""
    header = make_header(**{"RLEVEL": 0, **cards})
    science = fits.CompImageHDU(ramp((32, 24), "int32"), header, name="SCI")
    return make_fits(path, shape=(), hdus=[science])


def _literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return str(value)
        case _:
            escaped = str(value).replace("'", "''")
            return f"'{escaped}'"
