"""Changes FITS files as FITS files: cards, blocks and HDUs, so that most stay readable enough."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.fits.keywords import BUILT_IN

BLOCK_BYTES: Final = 2880
CARD_BYTES: Final = 80
_END: Final = b"END".ljust(CARD_BYTES)

STRUCTURE: Final = (
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3", "NAXIS999", "PCOUNT",
    "GCOUNT", "GROUPS", "EXTEND", "EXTNAME", "EXTVER", "TFIELDS", "TFORM1", "TFORM2", "TTYPE1",
    "TDIM1", "TNULL1", "TSCAL1", "TZERO1", "TBCOL1", "TBCOL2", "TDISP1", "THEAP", "BSCALE",
    "BZERO", "BLANK", "ZIMAGE", "ZCMPTYPE", "ZBITPIX", "ZNAXIS", "ZNAXIS1", "ZNAXIS2", "ZTILE1",
    "ZTILE2", "ZNAME1", "ZVAL1", "ZNAME2", "ZVAL2", "ZQUANTIZ", "ZDITHER0", "ZSIMPLE", "ZTENSION",
    "ZBLANK", "ZSCALE", "ZZERO", "CHECKSUM", "DATASUM", "INHERIT", "TRIMSEC", "CONTINUE",
    "LONGSTRN", "HIERARCH", "COMMENT", "HISTORY", "",
)  # fmt: skip
WCS: Final = (
    "WCSAXES", "CTYPE1", "CTYPE2", "CTYPE3", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CDELT1",
    "CDELT2", "CD1_1", "CD1_2", "CD2_1", "CD2_2", "PC1_1", "PC2_2", "CROTA2", "CUNIT1", "CUNIT2",
    "PV1_1", "PV2_1", "PV2_99", "PS1_0", "LONPOLE", "LATPOLE", "RADESYS", "EQUINOX", "EPOCH",
    "A_ORDER", "B_ORDER", "A_2_0", "B_0_2", "AP_ORDER", "BP_ORDER", "A_DMAX", "CPDIS1", "DP1",
    "D2IMDIS1", "D2IM1", "MJD-OBS", "PC001001", "WCSNAME",
)  # fmt: skip
NAMED: Final = tuple(sorted(BUILT_IN.concepts))
OTHERS: Final = ("HIERARCH ESO DET ID", "HIERARCH a b = 1 = 2", "FILENAME", "END", "=", "é", "a b")

NUMBERS: Final = (
    "0", "1", "-1", "2", "3", "8", "16", "32", "64", "-32", "-64", "7", "9", "10", "99", "255",
    "999", "1000", "4096", "65535", "65536", "2147483647", "2147483648", "-2147483648",
    "4294967296", "9223372036854775807", "9223372036854775808", "99999999999999999999",
    "1000000000", "0.5", "-0.0", "1E-300", "1E300", "1D308", "1E400", "-1E400", "1.", ".5", "+5",
    "NaN", "INF", "-inf", "T", "F", "(1,2)", "(1E400, NaN)", "1_000", "0x10", "1e", "٣", "1,5",
    "12 34", "180", "-90.0000001", "360", "90", "1E-5", "2026", "60000.5", "2460000.5",
)  # fmt: skip
TEXTS: Final = (
    "", " ", "'", "''", "'''", "''''''", "T", "NaN", "N/A", "UNKNOWN", "../../etc/passwd",
    "/etc/passwd", "..", ".", "-rf", "~", "a/b", "a\\b", "C:\\x", "{}", "{0}", "{SITEID}", "%s",
    "%(x)s", "%n%n", "$HOME", "`id`", "'; DROP TABLE frames; --", "<script>alert(1)</script>",
    "\x1b[31m", "a\nb", "a\rb", "a\0b", "\x7f", "\x85", "é", "\u202e", "\ud7ff", "🔭", "ÿ",
    "\uff41", "CON", "aux.fits", "x" * 68,
    "'" * 34, "&", "abc&", "RA---TAN", "DEC--TAN", "RA---SIP",
    "DEC--TAN-SIP", "RA---TPV", "DEC--TPV", "RA---ZPN", "DEC--ZPN", "GLON-CAR", "GLAT-CAR",
    "ELON-AIT", "ELAT-AIT", "RA---HPX", "DEC--HPX", "RA---TAB", "RA---CSC", "SLON-TAN", "LINEAR",
    "WAVE", "deg", "arcsec", "rad", "m/s", "deg**9999", "FK4", "FK5", "ICRS", "GAPPT", "2026-11-20",
    "2026-11-20T25:61:61", "9999-99-99", "0000-00-00", "9999-12-31T23:59:59.999999999",
    "10000-01-01", "-0001-01-01", "01/01/00", "31/12/99", "2026-11-20T12:00:60", "20261120",
    "2026-366", "12:34:56.7", "-00:00:01", "99:99:99", "12h34m56s", "1x1", "2 2", "0x0", "RICE_1",
    "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS", "NONE", "SUBTRACTIVE_DITHER_2",
    "IMAGE", "BINTABLE", "TABLE", "A3DTABLE", "FOREIGN", "SCI", "CAT", "COMPRESSED_IMAGE", "1PB",
    "1PB(999999999)", "1QB(1)", "999999999999A", "1J", "1D", "0D", "8X", "1M", "A8", "I10", "F8.3",
    "E99.99", "(2,3)", "(999999,999999)", "(0)", "(-1)", "COMPRESSED_DATA", "BLOCKSIZE", "BYTEPIX",
    "[1:2,3:4]", "[0:0,0:0]", "[99:1,99:1]", "0", "0000000000000000", "DSS", "object", "bias",
    "e91", "abc1m0-fa12-20261120-0001-e91.fits.fz",
)  # fmt: skip


@dataclass
class _Hdu:
    """One header and what follows it up to the next one."""

    cards: list[bytes]
    data: bytes
    has_end: bool = True


def mutated(data: bytes, seed: int, max_bytes: int = 1 << 16) -> bytes:
    """Change a file in one to a few places; the same seed makes the same change."""
    chance = random.Random(seed)  # noqa: S311  # not for secrets
    if not data or chance.random() < 0.1:
        return _noise(data, chance)[:max_bytes]
    hdus = _parsed(data)
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        chance.choice(_CHANGES)(hdus, chance)
    return _joined(hdus)[:max_bytes]


def _parsed(data: bytes) -> list[_Hdu]:
    """Cut a file into headers and data, wherever a header seems to begin."""
    starts = [0]
    starts += [
        at for at in range(BLOCK_BYTES, len(data), BLOCK_BYTES) if data.startswith(b"XTENSION", at)
    ]
    ends = [*starts[1:], len(data)]
    return [_parsed_hdu(data[start:end]) for start, end in zip(starts, ends, strict=True)]


def _parsed_hdu(part: bytes) -> _Hdu:
    cards: list[bytes] = []
    for at in range(0, len(part), CARD_BYTES):
        card = part[at : at + CARD_BYTES].ljust(CARD_BYTES)
        if card == _END:
            return _Hdu(cards, part[-(-(at + CARD_BYTES) // BLOCK_BYTES) * BLOCK_BYTES :])
        cards.append(card)
    return _Hdu(cards[:36], part[36 * CARD_BYTES :], has_end=False)


def _joined(hdus: list[_Hdu]) -> bytes:
    parts = []
    for hdu in hdus:
        text = b"".join(hdu.cards) + (_END if hdu.has_end else b"")
        parts += [text, b" " * (-len(text) % BLOCK_BYTES), hdu.data]
    return b"".join(parts)


def _card(chance: random.Random) -> bytes:
    """Make up a card."""
    keyword = chance.choice(chance.choice((STRUCTURE, STRUCTURE, WCS, NAMED, NAMED, OTHERS)))
    if len(keyword) > 8 and not keyword.startswith("HIERARCH"):
        keyword = f"HIERARCH {keyword}"
    text = f"{keyword:8}= {_value(chance)}"
    if chance.random() < 0.2:
        text += chance.choice(
            (" / [s]", " / degrees", " /", " / \x1b[2J", " / 'x'", "x", " / [ms]")
        )
    return _as_card(text)


def _value(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.4:
        return f"{chance.choice(NUMBERS):>20}"
    if kind < 0.8:
        text = chance.choice(TEXTS)
        return f"'{text.replace(chr(39), chr(39) * 2) if chance.random() < 0.8 else text:8}'"
    if kind < 0.9:
        return str(chance.randint(-(2 ** chance.randint(1, 64)), 2 ** chance.randint(1, 64)))
    return repr(chance.uniform(-1, 1) * 10 ** chance.randint(-30, 30))


def _as_card(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")[:CARD_BYTES].ljust(CARD_BYTES)


def _some(hdus: list[_Hdu], chance: random.Random) -> _Hdu:
    return chance.choice(hdus)


def _at(cards: list[bytes], chance: random.Random) -> int:
    return chance.randrange(len(cards) + 1)


def _replace_value(hdus: list[_Hdu], chance: random.Random) -> None:
    cards = _some(hdus, chance).cards
    if cards:
        at = chance.randrange(len(cards))
        cards[at] = (cards[at][:8] + b"= " + _value(chance).encode("utf-8", "surrogatepass"))[
            :CARD_BYTES
        ].ljust(CARD_BYTES)


def _insert_card(hdus: list[_Hdu], chance: random.Random) -> None:
    cards = _some(hdus, chance).cards
    cards.insert(_at(cards, chance), _card(chance))


def _set_keyword(hdus: list[_Hdu], chance: random.Random) -> None:
    """Give a keyword that is there a new value, or add it where it is not."""
    cards, card = _some(hdus, chance).cards, _card(chance)
    for at, old in enumerate(cards):
        if old[:8] == card[:8]:
            cards[at] = card
            return
    cards.append(card)


def _delete_card(hdus: list[_Hdu], chance: random.Random) -> None:
    cards = _some(hdus, chance).cards
    if cards:
        del cards[chance.randrange(len(cards))]


def _repeat_card(hdus: list[_Hdu], chance: random.Random) -> None:
    cards = _some(hdus, chance).cards
    if cards:
        cards[_at(cards, chance) : 0] = [chance.choice(cards)] * chance.choice((1, 2, 40, 300))


def _swap_cards(hdus: list[_Hdu], chance: random.Random) -> None:
    cards = _some(hdus, chance).cards
    if len(cards) > 1:
        first, second = chance.randrange(len(cards)), chance.randrange(len(cards))
        cards[first], cards[second] = cards[second], cards[first]


def _spoil_card(hdus: list[_Hdu], chance: random.Random) -> None:
    cards = _some(hdus, chance).cards
    if cards:
        at = chance.randrange(len(cards))
        cards[at] = _flipped(cards[at], chance)


def _continue_card(hdus: list[_Hdu], chance: random.Random) -> None:
    """Add a chain of CONTINUE, sometimes a broken one."""
    cards = _some(hdus, chance).cards
    chain = [_as_card("OBJECT  = 'begins&'")]
    for _ in range(chance.choice((1, 2, 50, 400))):
        ending = chance.choice(("&'", "&'", "&'", "'", "", "&' / x"))
        chain.append(_as_card(f"CONTINUE  '{chance.choice(TEXTS)[:60]}{ending}"))
    at = _at(cards, chance)
    cards[at:at] = chain


def _spoil_data(hdus: list[_Hdu], chance: random.Random) -> None:
    hdu = _some(hdus, chance)
    for _ in range(chance.choice((1, 1, 4, 30))):
        hdu.data = _flipped(hdu.data, chance)


def _resize_data(hdus: list[_Hdu], chance: random.Random) -> None:
    hdu = _some(hdus, chance)
    choice = chance.randrange(4)
    if choice == 0:
        hdu.data = hdu.data[: chance.randint(0, len(hdu.data))]
    elif choice == 1:
        hdu.data += bytes(BLOCK_BYTES)
    elif choice == 2:
        hdu.data = b""
    else:
        hdu.data += chance.randbytes(chance.randint(1, BLOCK_BYTES))


def _toggle_end(hdus: list[_Hdu], chance: random.Random) -> None:
    hdu = _some(hdus, chance)
    hdu.has_end = not hdu.has_end


def _repeat_hdu(hdus: list[_Hdu], chance: random.Random) -> None:
    hdu = _some(hdus, chance)
    hdus.append(_Hdu(list(hdu.cards), hdu.data, hdu.has_end))


def _delete_hdu(hdus: list[_Hdu], chance: random.Random) -> None:
    if len(hdus) > 1:
        del hdus[chance.randrange(len(hdus))]


_CHANGES: Final[tuple[Callable[[list[_Hdu], random.Random], None], ...]] = (
    _replace_value,
    _replace_value,
    _replace_value,
    _insert_card,
    _insert_card,
    _set_keyword,
    _set_keyword,
    _set_keyword,
    _delete_card,
    _repeat_card,
    _swap_cards,
    _spoil_card,
    _spoil_card,
    _continue_card,
    _spoil_data,
    _spoil_data,
    _resize_data,
    _toggle_end,
    _repeat_hdu,
    _delete_hdu,
)


def _flipped(data: bytes, chance: random.Random) -> bytes:
    """Change one byte."""
    if not data:
        return data
    at = chance.randrange(len(data))
    return (
        data[:at]
        + bytes([chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))])
        + data[at + 1 :]
    )


def _noise(data: bytes, chance: random.Random) -> bytes:
    """Change bytes wherever they are, cut off or lengthen."""
    for _ in range(chance.choice((1, 4, 16))):
        data = _flipped(data, chance)
    if chance.random() < 0.2:
        data = data[: chance.randint(0, len(data))]
    if chance.random() < 0.1:
        data += chance.randbytes(chance.randint(1, 300))
    return data
