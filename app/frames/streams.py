"""Whole lists of frames, gone through in constant memory, and the header cards beside them."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from app.core.clock import Clock
from app.core.identity import Caller
from app.db.engine import Sessions, transaction
from app.fits.models import HeaderValue
from app.frames.header_filters import HeaderColumn
from app.frames.models import Frame, FrameQuery
from app.frames.store import FrameReader, Sight, describe_keywords, list_cards, narrowed
from app.settings import InternalFrames

Cards = Mapping[str, HeaderValue]
"""Values by keyword."""


@dataclass(frozen=True, slots=True)
class FrameWithCards:
    """A frame, and the header cards that are wanted beside it.

    Attributes
    ----------
    frame
        One that the caller sees.
    cards
        Those that it has, of its newest version.
    """

    frame: Frame
    cards: Cards


class FrameStreams:
    """Goes through lists of any length.

    Parameters
    ----------
    sessions
        Of the process.
    clock
        Decides what is public now.
    internal
        Who sees frames without a proposal and a public date.
    """

    def __init__(self, sessions: Sessions, clock: Clock, internal: InternalFrames) -> None:
        self._sessions = sessions
        self._clock = clock
        self._internal = internal

    async def frames(
        self, query: FrameQuery, caller: Caller, keywords: Sequence[str] = ()
    ) -> AsyncGenerator[Sequence[FrameWithCards], None]:
        """Go through the frames of a query, within one transaction that lasts as long.

        Which frames, in which order and with which facts is what it was at the beginning.

        Parameters
        ----------
        query
            What is wanted, in which order, which part of it.
        caller
            Who asks.
        keywords
            Header cards that are wanted as well, upper case.

        Yields
        ------
        Sequence of FrameWithCards
            The next ones. Close the iterator: it holds a connection.

        Raises
        ------
        UnknownColumnError
            If frames cannot be ordered as asked.
        UnavailableError
            If the database is away; also after frames were yielded.
        """
        sight = self._sight(caller)
        async with transaction(self._sessions) as session:
            narrow = await narrowed(session, query)
            async with aclosing(FrameReader(session, sight).stream(narrow)) as batches:
                async for frames in batches:
                    cards = await list_cards(session, [each.id for each in frames], keywords)
                    yield [FrameWithCards(each, cards.get(each.id, {})) for each in frames]

    async def cards(
        self, frames: Collection[Frame], keywords: Collection[str]
    ) -> Mapping[int, Cards]:
        """Read some header cards of frames.

        Parameters
        ----------
        frames
            Such as the caller sees.
        keywords
            Upper case; nothing is read for none.

        Returns
        -------
        dict
            Values by number of the frame, and by keyword; what a frame does not have is missing.
        """
        if not keywords or not frames:
            return {}
        async with transaction(self._sessions) as session:
            return await list_cards(session, [each.id for each in frames], keywords)

    async def describe(self, keywords: Sequence[str], caller: Caller) -> Sequence[HeaderColumn]:
        """Tell which types of values the cards of some keywords have, over all visible frames.

        Parameters
        ----------
        keywords
            Upper case.
        caller
            Who asks.

        Returns
        -------
        sequence of HeaderColumn
            In the order of the keywords.
        """
        if not keywords:
            return ()
        async with transaction(self._sessions) as session:
            return await describe_keywords(session, self._sight(caller), keywords)

    def _sight(self, caller: Caller) -> Sight:
        return Sight(caller=caller, now=self._clock(), internal=self._internal)
