"""The settings of the ingest: whose rules hold, where frames go, when files are taken."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Pack(StrEnum):
    """When uncompressed images are packed losslessly."""

    LATER = "later"
    NOW = "now"
    NEVER = "never"


class IngestRules(StrEnum):
    """Whose rules say what a file must have and where it goes."""

    ANY = "any"
    PYOBS = "pyobs"
    LCO = "lco"


class IngestSettings(BaseSettings):
    """Rules, names, packing, and the inbox."""

    model_config = SettingsConfigDict(frozen=True, use_attribute_docstrings=True)

    ingest_rules: IngestRules = IngestRules.ANY
    """Whose rules the ingest keeps, see docs/admin/explanation/rule-sets.md: `any` takes every
    readable FITS file, `pyobs` and `lco` what those archives take. It picks the defaults of the
    settings below."""

    path_formatter: str | None = None
    """Folder of a frame below the archive root, see the formatter reference; default by the rule
    set: `{SITEID}/{DAY-OBS|default:undated}/`, for pyobs `{SITEID}/{DAY-OBS}/`, for lco
    `{SITEID}/{INSTRUME}/{DAY-OBS|date:}/{stage}/`."""

    filename_formatter: str | None = None
    """Name of a frame without extension, see the formatter reference; default: the name stays, and
    by the rules of pyobs FNAME names the frame."""

    required_keywords: Annotated[tuple[str, ...] | None, NoDecode] = None
    """Keywords without which a file goes to quarantine, separated by commas; default by the rule
    set, for `any` none. With `any`, a keyword that stands for a concept of the keyword map is
    satisfied by any keyword of that concept. `-` for none."""

    public_date_rules: Path | None = None
    """TOML file of rules that say from when on a frame is public; default: those of the LCO
    archive, see docs/admin/explanation/access.md."""

    keywords_file: Path | None = None
    """TOML file laid over the built-in keyword map."""

    default_site: Annotated[str, Field(min_length=1, max_length=50)] = "unknown"
    """Site of frames whose header names none."""

    pack: Pack = Pack.LATER
    """When uncompressed images are packed losslessly: `later` by a job of low priority, `now`
    inside the ingest, `never`."""

    settle_s: Annotated[float, Field(ge=0, le=3600)] = 2.0
    """How long a file in the inbox must be unchanged before it is taken [s]; files that are renamed
    into the inbox are taken at once."""

    sweep_s: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """How often the inbox is searched for files that no kernel event told of [s]."""

    proprietary_days: Annotated[int, Field(ge=0, le=365_000)] = 365
    """How long science frames of a proposal stay proprietary when L1PUBDAT is absent [days]."""

    @field_validator("required_keywords", mode="before")
    @classmethod
    def _split_keywords(cls, value: object) -> object:
        if isinstance(value, str):
            words = (word.strip().upper() for word in value.split(","))
            return tuple(word for word in words if word and word != "-")
        return value
