"""The one rule of who sees which frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, false, or_, true

from app.core.identity import Caller
from app.db.tables import FrameRow
from app.frames.models import Publicity
from app.settings import InternalFrames


@dataclass(frozen=True, slots=True)
class Openness:
    """The columns that decide who sees a frame.

    Attributes
    ----------
    public_at, is_internal, proposal, owner_id
        As in `FrameRow`.
    """

    public_at: SQLColumnExpression[Any]
    is_internal: SQLColumnExpression[Any]
    proposal: SQLColumnExpression[Any]
    owner_id: SQLColumnExpression[Any]


_OF_FRAMES = Openness(
    FrameRow.public_at, FrameRow.is_internal, FrameRow.proposal, FrameRow.owner_id
)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller sees at a moment.

    Attributes
    ----------
    caller
        Who asks.
    now
        When, UTC.
    internal
        Who sees frames without a proposal and a public date.
    """

    caller: Caller
    now: datetime
    internal: InternalFrames

    def sees(self, frame: Openness = _OF_FRAMES) -> ColumnElement[bool]:
        """Return the condition under which a frame is visible.

        Parameters
        ----------
        frame
            Where its columns are; by default `FrameRow`.

        Returns
        -------
        ColumnElement
            On these columns.
        """
        caller = self.caller
        if caller.sees_everything:
            return true()
        ways: list[ColumnElement[bool]] = [frame.public_at <= self.now]
        if self._sees_internal():
            ways.append(frame.is_internal.is_(True))
        return or_(*ways, *self._owns(frame))

    def _owns(self, frame: Openness = _OF_FRAMES) -> Iterator[ColumnElement[bool]]:
        """Give the ways in which a frame is the caller's own."""
        if self.caller.proposals:
            yield frame.proposal.in_(self.caller.proposals)
        if self.caller.is_known:
            yield frame.owner_id == self.caller.user_id

    def _sees_internal(self) -> bool:
        match self.internal:
            case InternalFrames.PUBLIC:
                return True
            case InternalFrames.USERS:
                return self.caller.is_known
            case InternalFrames.STAFF:
                return self.caller.is_staff

    def selects(self, publicity: Publicity) -> ColumnElement[bool]:
        """Return the condition for the wanted part of the visible frames.

        Parameters
        ----------
        publicity
            All; or only those that are not public (ARC-52), or the proprietary ones (ARC-30). For
            people who do not see everything the former are their own ones, the latter the frames of
            their proposals, public or not.

        Returns
        -------
        ColumnElement
            On `FrameRow`; includes visibility.
        """
        hidden = or_(FrameRow.public_at.is_(None), FrameRow.public_at > self.now)
        match publicity:
            case Publicity.ALL:
                return self.sees()
            case Publicity.HIDDEN | Publicity.PROPRIETARY if self.caller.sees_everything:
                return hidden
            case Publicity.HIDDEN:
                return and_(or_(false(), *self._owns()), hidden)
            case Publicity.PROPRIETARY:
                return and_(self.sees(), FrameRow.proposal.in_(self.caller.proposals))
