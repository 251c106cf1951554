"""Hostile headers: lies, floods, and values that mean something elsewhere."""

from collections.abc import Callable, Iterator
from typing import Final

from tests.support.raw_cards import (
    BLOCK_BYTES,
    NO_DATA,
    SIMPLE,
    array_hdu,
    header_only,
    image,
    padded,
    raw_header,
)

Specimen = Callable[[], Iterator[bytes]]
"""Gives the bytes of a file, piece by piece."""

OBSERVED: Final = (
    "SITEID  = 'tst'",
    "TELID   = '1m0a'",
    "INSTRUME= 'cam1'",
    "DATE-OBS= '2026-11-19T03:04:05'",
    "DAY-OBS = '2026-11-18'",
    "EXPTIME = 12.5",
    "OBSTYPE = 'EXPOSE'",
    "FILTER  = 'V'",
)
WCS: Final = {
    "CTYPE1": "'RA---TAN'", "CTYPE2": "'DEC--TAN'", "CRVAL1": "10.5", "CRVAL2": "-20.5",
    "CRPIX1": "2", "CRPIX2": "2", "CD1_1": "-1E-3", "CD1_2": "0", "CD2_1": "0", "CD2_2": "1E-3",
}  # fmt: skip


def one(*parts: bytes) -> Specimen:
    """Give some bytes."""
    return lambda: iter(parts)


def framed(*cards: str | bytes) -> Specimen:
    """Give a small image whose header holds these cards before those of an observation.

    Of two cards of one keyword the first counts.
    """
    return one(array_hdu(*cards, *OBSERVED))


def structured(*cards: str, data: bytes = b"") -> Specimen:
    """Give a header whose mandatory cards are these."""
    return one(raw_header([*cards, *OBSERVED]) + padded(data))


def behind(*cards: str, data: bytes = b"") -> Specimen:
    """Give a sound image and an extension whose cards are these."""
    return one(array_hdu(*OBSERVED), raw_header(cards) + padded(data))


def wcs(**changed: str) -> Specimen:
    """Give an image with coordinates, some of which are changed."""
    return framed(*(f"{keyword:8}= {value}" for keyword, value in (WCS | changed).items()))


def _axes(count: int, length: object = 1) -> list[str]:
    return [f"{f'NAXIS{axis}':8}= {length}" for axis in range(1, count + 1)]


def _long_header(size_bytes: int) -> Iterator[bytes]:
    """Cards, all legal."""
    yield raw_header([*NO_DATA, *OBSERVED], end=False).ljust(BLOCK_BYTES)
    for number in range(size_bytes // BLOCK_BYTES):
        yield b"".join(image(f"K{number:05}{place:02}= {place}") for place in range(36))
    yield raw_header([])


def _many_hdus(count: int) -> Iterator[bytes]:
    yield array_hdu(*OBSERVED)
    one_more = array_hdu(shape=(2,), extension="IMAGE")
    for _ in range(count):
        yield one_more


def _long_chain(count: int) -> Iterator[bytes]:
    chain = [f"CONTINUE  '{'x' * 60}&'" for _ in range(count)]
    yield header_only(*OBSERVED, "OBJECT  = 'begins&'", *chain)


def floods(*, share: int) -> dict[str, Specimen]:
    """Give files of too much of everything; divided by a share, where it shall be quick."""
    return {
        "10 MB of cards": lambda: _long_header(10_000_000 // share),
        "10,000 HDUs": lambda: _many_hdus(10_000 // share),
        "a chain of 50,000 CONTINUE": lambda: _long_chain(50_000 // share),
    }


VALUES: Final = (
    "'../../etc/passwd'", "'/etc/passwd'", "'..'", "'.'", "'-rf'", "'~root'", "'a/b/c'", "'a\\b'",
    "'C:\\x'", "'{}'", "'{0.__class__}'", "'{SITEID}'", "'%s%n%d'", "'%(message)s'", "'$HOME'",
    "'`id`'", "'$(id)'", "'; DROP TABLE frames; --'", "''' OR 1=1 --'",
    "'<script>alert(1)</script>'", "'\"><img src=x onerror=alert(1)>'", "'\u202egpj.exe'",
    "'\u00e9\u00ff'", "'\U0001f52d'", "'CON'", "'NUL.fits'", "'...'", "'   x'", "'\\u0000'",
    "'%00'", "'%2e%2e%2f'", "'x.fits.fz'", "'.staged-x'",
)  # fmt: skip
"""What each keyword below is set to."""
NAMING: Final = ("SITEID", "OBJECT", "FNAME", "DAY-OBS", "INSTRUME", "PROPID", "FILTER", "DATE-OBS")
"""Keywords that name files and folders, in some rule set or template."""

DATES: Final = (
    "'9999-99-99'", "'0000-01-01'", "'0000-00-00T00:00:00'", "'10000-01-01'", "'-0001-12-31'",
    "'9999-12-31T23:59:59.9999999'", "'0001-01-01'", "'2026-02-30'", "'2026-11-20T24:00:00'",
    "'2026-11-20T12:00:60'", "'01/01/00'", "9999999", "1E308", "-1", "T", "'NaN'",
)  # fmt: skip
NUMBERS: Final = ("1E308", "-1E308", "1E400", "NaN", "'NaN'", "-1", "'inf'", "99999999999999999999")

STRUCTURES: Final[dict[str, Specimen]] = {
    "NAXIS of 10^9": structured(SIMPLE, "BITPIX  = 8", "NAXIS   = 1000000000"),
    "NAXIS of 10^9 in an extension": behind(
        "XTENSION= 'IMAGE'", "BITPIX  = 8", "NAXIS   = 1000000000", "PCOUNT  = 0", "GCOUNT  = 1"
    ),
    "999 axes": structured(SIMPLE, "BITPIX  = 8", "NAXIS   = 999", *_axes(999), data=b"\1"),
    "999 axes of 2": structured(SIMPLE, "BITPIX  = 8", "NAXIS   = 999", *_axes(999, 2)),
    "999 axes without lengths": structured(SIMPLE, "BITPIX  = 8", "NAXIS   = 999"),
    **{
        f"NAXIS1 = {value}": structured(
            SIMPLE, "BITPIX  = -64", "NAXIS   = 2", f"NAXIS1  = {value}", "NAXIS2  = 3", data=b"x"
        )
        for value in (
            "9223372036854775807",
            "99999999999999999999",
            "-5",
            "0",
            "2.5",
            "1E300",
            "NaN",
            "T",
            "'4'",
            "",
            "2147483647",
        )
    },
    **{
        f"{keyword} = {value}": structured(
            SIMPLE,
            "BITPIX  = 8",
            "NAXIS   = 1",
            "NAXIS1  = 4",
            f"{keyword:8}= {value}",
            data=b"abcd",
        )
        for keyword in ("PCOUNT", "GCOUNT")
        for value in ("9223372036854775807", "-1", "1E300", "'x'")
    },
    "PCOUNT bomb of a table": behind(
        "XTENSION= 'BINTABLE'",
        "BITPIX  = 8",
        "NAXIS   = 2",
        "NAXIS1  = 8",
        "NAXIS2  = 1",
        "PCOUNT  = 9223372036854775807",
        "GCOUNT  = 1",
        "TFIELDS = 1",
        "TFORM1  = '1PB'",
        data=bytes(8),
    ),
    **{
        f"BITPIX = {value}": structured(
            SIMPLE, f"BITPIX  = {value}", "NAXIS   = 1", "NAXIS1  = 4", data=b"abcd"
        )
        for value in ("0", "7", "-8", "64.0", "'16'", "1E9")
    },
    "random groups": structured(
        SIMPLE,
        "BITPIX  = -32",
        "NAXIS   = 3",
        "NAXIS1  = 0",
        "NAXIS2  = 4",
        "NAXIS3  = 3",
        "GROUPS  = T",
        "PCOUNT  = 2",
        "GCOUNT  = 5",
        data=bytes(2880),
    ),
    "random groups bomb": structured(
        SIMPLE,
        "BITPIX  = -32",
        "NAXIS   = 2",
        "NAXIS1  = 0",
        "NAXIS2  = 2147483647",
        "GROUPS  = T",
        "PCOUNT  = 2147483647",
        "GCOUNT  = 2147483647",
    ),
    "SIMPLE twice": framed(SIMPLE, "SIMPLE  = F"),
    "two files in one": one(array_hdu(*OBSERVED) * 2),
    "without END": one(array_hdu(*OBSERVED, end=False)),
    "without END and data": one(raw_header([*NO_DATA, *OBSERVED], end=False)),
    "END twice": one(raw_header([*NO_DATA, *OBSERVED, "END", "OBJECT  = 'behind END'"])),
    "END with a value": framed("END     = 1"),
    "END in the middle of a card": framed("OBJECT  = 'x'  END"),
    "cut off in the header": one(array_hdu(*OBSERVED)[:1000]),
    "SIMPLE alone": one(b"SIMPLE  ="),
}

CARDS: Final[dict[str, Specimen]] = {
    "CONTINUE alone": framed("CONTINUE  'x&'"),
    "CONTINUE without end": framed("OBJECT  = 'x&'", *["CONTINUE  '&'"] * 30),
    "CONTINUE of itself": framed("OBJECT  = '&'", "CONTINUE= '&'", "CONTINUE  = 'x'"),
    "68 quotes": framed(f"OBJECT  = {chr(39) * 68}"),
    "67 quotes": framed(f"OBJECT  = {chr(39) * 67}"),
    "an open quote": framed("OBJECT  = 'never closed"),
    "NUL": framed(b"OBJECT  = 'a\0b'"),
    "newline": framed(b"OBJECT  = 'a\n2026-11-20 [error] forged line'"),
    "carriage return": framed(b"OBJECT  = 'a\rforged'"),
    "escape": framed(b"OBJECT  = '\x1b[2J\x1b]0;owned\x07'"),
    "newline in a keyword": framed(b"OB\nECT  = 1"),
    "C1 control characters": framed(b"OBJECT  = '\x9b31m\x85'"),
    "not UTF-8": framed(b"OBJECT  = '\xff\xfe\xc3'"),
    "half a character": framed(b"OBJECT  = '\xed\xa0\x80'"),
    "no keyword": framed("        = 'x'", "= 5", "=", "/"),
    "HIERARCH alone": framed("HIERARCH", "HIERARCH =", "HIERARCH = 1", "HIERARCH  =  = 2"),
    "HIERARCH oddities": framed(
        "HIERARCH " + "A " * 30 + "= 1", "HIERARCH SITEID = '../x'", "HIERARCH a=b=c = 'x'"
    ),
    "only bytes 255": one(array_hdu(*OBSERVED, b"\xff" * 80)),
    "a header full of NUL": one(SIMPLE.encode().ljust(80) + bytes(2800)),
    **{
        f"{keyword} = {value}": framed(f"{keyword:8}= {value}")
        for keyword in NAMING
        for value in VALUES
    },
    **{f"DATE-OBS = {date}": framed(f"DATE-OBS= {date}") for date in DATES},
    **{f"DAY-OBS = {date}": framed(f"DAY-OBS = {date}") for date in DATES},
    **{f"L1PUBDAT = {date}": framed(f"L1PUBDAT= {date}") for date in DATES},
    **{f"EXPTIME = {number}": framed(f"EXPTIME = {number}") for number in NUMBERS},
    **{f"AIRMASS = {number}": framed(f"AIRMASS = {number}") for number in NUMBERS},
    **{f"REQNUM = {number}": framed(f"REQNUM  = {number}") for number in NUMBERS},
    **{f"RLEVEL = {number}": framed(f"RLEVEL  = {number}") for number in NUMBERS},
}

COORDINATES: Final[dict[str, Specimen]] = {
    **{
        f"{keyword} = {value}": wcs(**{keyword: value})
        for keyword in ("CRVAL1", "CRVAL2", "CRPIX1", "CD1_1")
        for value in ("NaN", "'NaN'", "1E400", "1E308", "-1E308", "0", "1E-308", "'x'", "T")
    },
    "all CD zero": wcs(CD1_1="0", CD2_2="0"),
    "SIP of order 10^9": wcs(
        CTYPE1="'RA---TAN-SIP'", CTYPE2="'DEC--TAN-SIP'", A_ORDER="1000000000"
    ),
    "SIP of order -1": wcs(CTYPE1="'RA---TAN-SIP'", CTYPE2="'DEC--TAN-SIP'", A_ORDER="-1"),
    "SIP of one axis": wcs(CTYPE1="'RA---TAN-SIP'", CTYPE2="'DEC--TAN-SIP'", A_ORDER="2"),
    "SIP that explodes": wcs(
        CTYPE1="'RA---TAN-SIP'",
        CTYPE2="'DEC--TAN-SIP'",
        A_ORDER="9",
        B_ORDER="9",
        A_9_0="1E300",
        B_0_9="-1E300",
    ),
    "distortion table that is not there": wcs(
        CPDIS1="'LOOKUP'", DP1="'EXTVER: 99'", D2IMDIS1="'Lookup'", CPERR1="1E9"
    ),
    "coordinates by table": wcs(CTYPE1="'RA---TAB'", CTYPE2="'DEC--TAB'", PS1_0="'x'", PV1_1="9"),
    "unknown projection": wcs(CTYPE1="'RA---XXX'", CTYPE2="'DEC--XXX'"),
    "two projections": wcs(CTYPE1="'RA---TAN'", CTYPE2="'DEC--AIT'"),
    "unit with a power": wcs(CUNIT1="'deg**99999999'", CUNIT2="'10**99999 deg'"),
    "PV up to 99": wcs(PV2_99="1E300", PV1_4="NaN", LONPOLE="1E308", LATPOLE="-1E308"),
    "odd frame": wcs(RADESYS="'{}'", EQUINOX="1E308"),
    "odd date of a frame": wcs(RADESYS="'FK4'", EQUINOX="-99999"),
}
