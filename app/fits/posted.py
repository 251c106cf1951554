"""Metadata of cards that came without their file; runs in child processes."""

from collections.abc import Sequence

from app.fits.keywords import KeywordMap
from app.fits.metadata import read_metadata
from app.fits.models import Hdu, HduKind, HeaderCard, Metadata
from app.fits.repairs import Repairs


def read_cards(cards: Sequence[HeaderCard], keyword_map: KeywordMap) -> Metadata:
    """Read what the cards of one header say.

    Parameters
    ----------
    cards
        Of one header, in order.
    keyword_map
        Which keyword says what.

    Returns
    -------
    Metadata
        As if they had stood in a file.
    """
    hdu = Hdu(0, "", HduKind.IMAGE, shape=(), bitpix=8, cards=tuple(cards))
    return read_metadata([hdu], hdu, None, keyword_map, Repairs())
