"""The whole of the settings, and how they are read."""

import os
import re
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from app.core.errors import InvalidError
from app.settings.access import AccessSettings
from app.settings.durability import DurabilitySettings
from app.settings.ingest import IngestSettings

PREFIX = "SKYSHELF_"

_BESIDES_THE_POOL = 2  # of each process: the pulse, and the listener for jobs
_SPARE_CONNECTIONS = 10  # commands, and an operator's psql

_CREDENTIALS_IN_URL = re.compile(r"//.*@", re.DOTALL)
_DIALECT_HOST = re.compile(r"(pyobs|archive|thumbnails)=[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.ASCII)


class InternalFrames(StrEnum):
    """Who sees frames that carry neither a proposal nor a public date."""

    PUBLIC = "public"
    USERS = "users"
    STAFF = "staff"


class Settings(DurabilitySettings, IngestSettings, AccessSettings):
    """Every setting, with its default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        validate_default=True,
    )

    data_dir: Path = Path("./var")
    """Folder that holds everything: archive, inbox, quarantine, spool, previews, PostgreSQL."""

    archive_root: Path | None = None
    """Folder of the filed frames; default `<data>/archive`."""

    inbox_dir: Path | None = None
    """Folder that is watched for new files; default `<data>/inbox`."""

    filestore_dir: Path | None = None
    """Folder of an LCO-style ingester's own file store (`FILESYSTEM_STORAGE_ROOT_DIR`), from which
    announced files are copied; default `<data>/filestore`."""

    database_url: str | None = None
    """PostgreSQL 15 or newer, `postgresql+asyncpg://user:password@host/name`; default: an embedded
    server in `<data>/postgres`."""

    host: str = "127.0.0.1"
    """Address that the API listens on."""

    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    """Port that the API listens on."""

    http_root: str | None = None
    """Public URL of the service, as clients see it; default `http://<host>:<port>`."""

    dialect_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Host names that a dialect has for itself, as `archive=archive-api.example.org`, separated by
    commas; the dialects are `pyobs`, `archive` and `thumbnails`."""

    api_workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Number of API processes."""

    ingest_workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Number of files that one ingest worker reads at the same time."""

    admin_username: Annotated[str, Field(min_length=1, max_length=150)] = "admin"
    """Name of the account that is made on the first start."""

    admin_password: SecretStr | None = None
    """Password of that account; default: generated, printed once, kept in
    `<data>/admin-password`."""

    secret_key: SecretStr | None = None
    """Key that signs links and encrypts tokens, 32 characters or more; default: generated and kept
    in `<data>/secret-key`. All processes of one archive must share it."""

    sample_frames: Annotated[int, Field(ge=0, le=100_000)] = 24
    """Synthetic frames put into the inbox of an empty archive on the first start; 0 for none."""

    internal_frames: InternalFrames = InternalFrames.USERS
    """Who sees frames that carry neither a proposal nor a public date: `public`, `users` (anyone
    logged in) or `staff`."""

    link_lifetime_s: Annotated[int, Field(ge=60, le=31_536_000)] = 172_800
    """How long a signed download link works [s]; 48 h by default."""

    max_upload_bytes: Annotated[int, Field(ge=1)] = 2_147_483_648
    """Largest upload in one request [byte]."""

    max_bundle_frames: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    """Most frames in one zip."""

    thumbnail_max_px: Annotated[int, Field(ge=1, le=4096)] = 4000
    """Largest width and height of a thumbnail [pixel]."""

    child_processes: Annotated[int, Field(ge=1, le=64)] = 2
    """Child processes of each API and worker process that read and render FITS files."""

    child_memory_bytes: Annotated[int, Field(ge=268_435_456)] = 4_294_967_296
    """Address space that one such child may use [byte]."""

    child_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 120.0
    """How long one such child may work on one file [s]."""

    database_pool: Annotated[int, Field(ge=1, le=100)] = 8
    """Largest number of database connections of one process."""

    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    """Least severe level that is logged: `debug`, `info`, `warning` or `error`."""

    log_format: Annotated[str, Field(pattern="^(console|json)$")] = "console"
    """`console` for people, `json` for log collectors."""

    @field_validator("filestore_dir")
    @classmethod
    def _check_filestore(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        """Keep the folders apart: whoever writes over a file of the one must not reach the other.

        Raises
        ------
        ValueError
            If one of them holds the other.
        """
        if value is None or "data_dir" not in info.data or "archive_root" not in info.data:
            return value
        archive = (info.data["archive_root"] or info.data["data_dir"] / "archive").resolve()
        store = value.resolve()
        if store.is_relative_to(archive) or archive.is_relative_to(store):
            raise ValueError(
                "a folder is needed that is neither the archive's nor within it nor above it: an"
                " ingester writes over its files"
            )
        return value

    @field_validator("dialect_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip().lower() for word in value.split(",") if word.strip())
        return value

    @field_validator("dialect_hosts")
    @classmethod
    def _check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if all(_DIALECT_HOST.fullmatch(entry) for entry in value):
            return value
        raise ValueError("entries such as archive=archive-api.example.org are needed")

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("postgresql+asyncpg://"):
            raise ValueError("a URL that begins with postgresql+asyncpg:// is needed")
        return value

    @field_validator("http_root")
    @classmethod
    def _check_http_root(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("a URL that begins with http:// or https:// is needed")
        return value.rstrip("/") if value else value

    @field_validator("secret_key")
    @classmethod
    def _check_secret_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise ValueError("at least 32 characters are needed")
        return value

    @property
    def host_dialects(self) -> dict[str, str]:
        """Host name -> the dialect that has it for itself."""
        pairs = (entry.partition("=") for entry in self.dialect_hosts)
        return {host: name for name, _, host in pairs}

    @property
    def archive_dir(self) -> Path:
        """Folder of the filed frames."""
        return (self.archive_root or self.data_dir / "archive").absolute()

    @property
    def inbox(self) -> Path:
        """Folder that is watched for new files."""
        return (self.inbox_dir or self.data_dir / "inbox").absolute()

    @property
    def filestore(self) -> Path:
        """Folder of an ingester's own file store."""
        return (self.filestore_dir or self.data_dir / "filestore").absolute()

    @property
    def quarantine_dir(self) -> Path:
        """Folder of the files that could not be filed."""
        return (self.data_dir / "quarantine").absolute()

    @property
    def spool_dir(self) -> Path:
        """Folder of private copies while a file is being filed."""
        return (self.data_dir / "spool").absolute()

    @property
    def previews_dir(self) -> Path:
        """Folder of the preview cache."""
        return (self.data_dir / "previews").absolute()

    @property
    def postgres_dir(self) -> Path:
        """Folder of the embedded PostgreSQL."""
        return (self.data_dir / "postgres").absolute()

    @property
    def admin_password_file(self) -> Path:
        """File that keeps a generated admin password."""
        return (self.data_dir / "admin-password").absolute()

    @property
    def public_url(self) -> str:
        """URL of the service as clients see it, without a final slash."""
        if self.http_root:
            return self.http_root
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def connections_needed(self) -> int:
        """How many database connections are open at most, with one worker and some to spare."""
        of_a_process = self.database_pool + _BESIDES_THE_POOL
        return of_a_process * (self.api_workers + 1) + _SPARE_CONNECTIONS

    def with_database(self, url: str) -> Self:
        """Return the same settings on another database.

        Parameters
        ----------
        url
            SQLAlchemy URL.

        Returns
        -------
        Settings
            A copy.
        """
        return self.model_copy(update={"database_url": url})

    def require_database_url(self) -> str:
        """Return the database URL, for processes that do not start a server themselves.

        Returns
        -------
        str
            SQLAlchemy URL.

        Raises
        ------
        InvalidError
            If none is set.
        """
        if self.database_url is None:
            raise InvalidError(
                f"{PREFIX}DATABASE_URL is not set: name a PostgreSQL"
                " (postgresql+asyncpg://user:password@host/name), or use `skyshelf up`, which"
                " starts one",
                field=f"{PREFIX}DATABASE_URL",
            )
        return self.database_url

    def make_folders(self) -> None:
        """Make the folders of the archive where they are missing."""
        folders = (
            self.archive_dir,
            self.inbox,
            self.quarantine_dir,
            self.spool_dir,
            self.previews_dir,
        )
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)

    def secret(self) -> str:
        """Return the secret key; generate and keep one in the data folder where none is set.

        Returns
        -------
        str
            At least 32 characters.
        """
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        file = self.data_dir.absolute() / "secret-key"
        if not file.exists():
            write_private(file, secrets.token_urlsafe(48))
        return file.read_text(encoding="utf-8").strip()


def write_private(file: Path, text: str) -> None:
    """Write a new file that only its owner can read; keep the one that is there.

    Parameters
    ----------
    file
        Where to write.
    text
        What to write.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text + "\n")
    try:
        file.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def load_settings(**overrides: object) -> Settings:
    """Read the settings of this process.

    Parameters
    ----------
    **overrides
        Values that win over the environment, for tests and command options.

    Returns
    -------
    Settings
        Frozen.

    Raises
    ------
    InvalidError
        One line that names the setting, the value and what it takes.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # checked by validation
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = PREFIX + str(first["loc"][0]).upper()
        what = first["msg"].removeprefix("Value error, ")
        raise InvalidError(
            f"{name}={_shown(name, first['input'])}: {what}", field=name
        ) from None  # it quotes the value


def _shown(name: str, value: object) -> object:
    """Return a refused value without what is secret in it, such as the password of a URL."""
    if any(word in name.lower() for word in ("password", "secret")):
        return ""
    return _CREDENTIALS_IN_URL.sub("//***@", value) if isinstance(value, str) else value
