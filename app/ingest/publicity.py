"""From when on a frame is public: L1PUBDAT, else a table of rules, the first that applies.

The built-in table is that of the LCO archive (ARC-84).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.fits.keyword_tables import squeezed
from app.fits.models import Metadata, ObservationType

NEVER_DAYS: Final = 365 * 999
"""How the LCO archive writes never [days]."""


@dataclass(frozen=True, slots=True)
class Publicity:
    """Who may see a new frame.

    Attributes
    ----------
    public_at
        From when on everybody, UTC; None: never by itself.
    is_internal
        The frame names neither a proposal nor a public date.
    reason
        What decided, for a person.
    """

    public_at: datetime | None
    is_internal: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PublicDateRule:
    """One row of the table: applies where every condition that it has holds.

    Attributes
    ----------
    name
        For explanations.
    delay_days
        From the start of the exposure to the public date [days]; None: the proprietary time.
    types
        Observation types, one of which the frame must have; empty: any.
    proposal_contains, basename_contains
        Texts, one of which must stand in the proposal or basename, case counts; empty: any.
    tags
        Tags, one of which the proposal must have; empty: any.
    """

    name: str
    delay_days: int | None
    types: frozenset[ObservationType] = frozenset()
    proposal_contains: tuple[str, ...] = ()
    basename_contains: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()

    @property
    def takes_all(self) -> bool:
        """Whether it has no condition."""
        return not (self.types or self.proposal_contains or self.basename_contains or self.tags)

    def applies(self, frame: "JudgedFrame") -> bool:
        """Tell whether the rule decides about a frame.

        Parameters
        ----------
        frame
            What the rules look at.

        Returns
        -------
        bool
            True if every condition holds.
        """
        return (
            (not self.types or frame.type in self.types)
            and _has_one(frame.proposal, self.proposal_contains)
            and _has_one(frame.basename, self.basename_contains)
            and (not self.tags or bool(self.tags & frame.tags))
        )


@dataclass(frozen=True, slots=True)
class JudgedFrame:
    """What the rules look at.

    Attributes
    ----------
    type
        Observation type; None if it is not known.
    proposal, basename
        Names; empty for none.
    tags
        Of the proposal.
    """

    type: ObservationType | None
    proposal: str
    basename: str
    tags: frozenset[str]


BUILT_IN_RULES: Final = (
    PublicDateRule("closed proposals", NEVER_DAYS, tags=frozenset({"private", "internal"})),
    PublicDateRule("open proposals", 0, tags=frozenset({"public"})),
    PublicDateRule(
        "calibrations",
        0,
        types=frozenset(
            {
                ObservationType.BIAS,
                ObservationType.DARK,
                ObservationType.SKYFLAT,
                ObservationType.EXPERIMENTAL,
            }
        ),
    ),
    PublicDateRule(
        "education and calibration", 0, proposal_contains=("EPO", "calib", "standard", "pointing")
    ),
    PublicDateRule("engineering", NEVER_DAYS, proposal_contains=("LCOEngineering",)),
    PublicDateRule("test exposures", NEVER_DAYS, basename_contains=("-t00", "-x00")),
)
"""ARC-84. What none of them takes is public after the proprietary time."""


@dataclass(frozen=True, slots=True)
class PublicDates:
    """Decides who may see a new frame.

    Attributes
    ----------
    rules
        Tried in order.
    proprietary_days
        From the start of the exposure to the public date where no rule applies [days].
    known_types
        Squeezed word of a header -> type. A word that is not here makes a frame EXPERIMENTAL for
        want of better; the rules do not take it for one.
    judges_unnamed
        Whether the rules decide about frames without a proposal, too, as in the LCO archive,
        where every frame has one; else such frames are internal.
    """

    rules: tuple[PublicDateRule, ...]
    proprietary_days: int
    known_types: Mapping[str, ObservationType]
    judges_unnamed: bool = False

    @property
    def asks_for_tags(self) -> bool:
        """Whether the tags of a proposal matter."""
        return any(rule.tags for rule in self.rules)

    def publicity(self, metadata: Metadata, basename: str, tags: frozenset[str]) -> Publicity:
        """Decide from when on a frame is public.

        Parameters
        ----------
        metadata
            Of the frame.
        basename
            Of the frame.
        tags
            Of its proposal.

        Returns
        -------
        Publicity
            By L1PUBDAT where given, else by the rules. A frame without a proposal is internal. One
            of a proposal that has no date is for its members, since no rule can count from then.
        """
        if metadata.public_at is not None:
            return Publicity(metadata.public_at, reason="the header says so")
        if metadata.proposal is None and not self.judges_unnamed:
            return Publicity(None, is_internal=True, reason="neither proposal nor public date")
        if metadata.observed_at is None:
            return Publicity(None, reason="no date of the exposure")
        judged = JudgedFrame(self._type(metadata), metadata.proposal or "", basename, tags)
        rule = next((rule for rule in self.rules if rule.applies(judged)), None)
        if rule is None:
            return Publicity(
                _later(metadata.observed_at, self.proprietary_days), reason="the proprietary time"
            )
        days = self.proprietary_days if rule.delay_days is None else rule.delay_days
        return Publicity(_later(metadata.observed_at, days), reason=f"the rule {rule.name!r}")

    def _type(self, metadata: Metadata) -> ObservationType | None:
        """Return the type, unless it is EXPERIMENTAL only because nobody knows the word."""
        kind, word = metadata.observation_type, squeezed(metadata.image_type_raw or "")
        if kind is ObservationType.EXPERIMENTAL and word and word not in self.known_types:
            return None
        return kind


def _has_one(text: str, parts: tuple[str, ...]) -> bool:
    return not parts or any(part in text for part in parts)


def _later(moment: datetime, days: int) -> datetime | None:
    """Add days; a date beyond the calendar means never."""
    try:
        return moment + timedelta(days=days)
    except OverflowError:
        return None
