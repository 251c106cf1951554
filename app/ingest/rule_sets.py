"""The rule sets: whose archive's rules the ingest keeps, as defaults of everything else.

Sources: PYO-50 (ingest rules of pyobs-archive) and ARC-80 to ARC-87 (of the LCO archive).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from app.fits.dialects import (
    LCO_MAP,
    LCO_REQUIRED,
    PYOBS_MAP,
    PYOBS_NAME,
    PYOBS_REQUIRED,
)
from app.fits.keywords import BUILT_IN, KeywordMap
from app.fits.models import Reading
from app.fits.safe_names import basename_of, cut_at_first_dot
from app.ingest.lco_names import IGNORED_PARTS, completed_by_name
from app.ingest.required import Where
from app.settings.ingest import IngestRules

Complete = Callable[[Reading, str], Reading]


def _as_read(reading: Reading, _filename: str) -> Reading:
    return reading


def _with_binning(reading: Reading, _filename: str) -> Reading:
    """Take frames that say nothing of binning as not binned (PYO-50, rule 6)."""
    if reading.metadata.x_binning is not None:
        return reading
    return replace(reading, metadata=replace(reading.metadata, x_binning=1, y_binning=1))


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Defaults of the ingest, and what no setting changes.

    Attributes
    ----------
    keywords
        The keyword map that the file of the archive is laid over.
    path_formatter
        Where frames go.
    required, where, demands_type
        See `app.ingest.required.Requirement`.
    name_keyword
        The card that names a frame where no file-name formatter does; empty: its file name does.
    cut
        Splits a file name into basename and extension.
    ignored_parts
        Files with one of these in their name are not for the archive.
    complete
        Adds to a reading what is read elsewhere than in the header; takes the file's name.
    judges_unnamed
        Whether frames without a proposal get a public date, too.
    center_is_pointing
        Whether the position of a frame is where the telescope pointed, also if a WCS says better.
    """

    keywords: KeywordMap = BUILT_IN
    path_formatter: str = "{SITEID}/{DAY-OBS|default:undated}/"
    required: tuple[str, ...] = ()
    where: Where = Where.ANYWHERE
    demands_type: bool = False
    name_keyword: str = ""
    cut: Callable[[str], tuple[str, str]] = basename_of
    ignored_parts: tuple[str, ...] = ()
    complete: Complete = _as_read
    judges_unnamed: bool = False
    center_is_pointing: bool = False


RULE_SETS: Final[Mapping[IngestRules, RuleSet]] = MappingProxyType(
    {
        IngestRules.ANY: RuleSet(),
        IngestRules.PYOBS: RuleSet(
            keywords=PYOBS_MAP,
            path_formatter="{SITEID}/{DAY-OBS}/",
            required=PYOBS_REQUIRED,
            where=Where.SCIENCE_HEADER,
            name_keyword=PYOBS_NAME,
            complete=_with_binning,
            center_is_pointing=True,
        ),
        IngestRules.LCO: RuleSet(
            keywords=LCO_MAP,
            path_formatter="{SITEID}/{INSTRUME}/{DAY-OBS|date:}/{stage}/",
            required=LCO_REQUIRED,
            where=Where.ONE_HEADER,
            demands_type=True,
            cut=cut_at_first_dot,
            ignored_parts=IGNORED_PARTS,
            complete=completed_by_name,
            judges_unnamed=True,
        ),
    }
)
