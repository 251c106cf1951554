"""Header cards from card images, as they are in the field.

One tolerant parser instead of astropy's with a second one behind it for what astropy refuses: it
agrees with astropy on every legal card (a test holds it to that), is linear in long CONTINUE
chains, and gives only values that JSON and PostgreSQL can hold.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.fits.models import HeaderCard, HeaderValue
from app.fits.repairs import Repairs, quoted

COMMENTARY = frozenset({"COMMENT", "HISTORY", "CONTINUE", ""})
"""Keywords whose text is never a value, even after an equals sign."""

MAX_SAFE_INT = 2**63 - 1
"""What a 64-bit integer holds; larger ones are kept as text."""

UNPRINTABLE = dict.fromkeys((*range(32), *range(127, 160)), " ")
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][+-]?\d+)?"

VALUE = re.compile(
    r" *(?:'(?P<string>[^']*(?:''[^']*)*)'"
    rf"|(?P<number>{NUMBER})"
    r"|(?P<logical>[TF])"
    rf"|(?P<complex>\( *{NUMBER} *, *{NUMBER} *\)))?"
    r" *(?:/(?P<comment>.*))?"
)
"""String, number, logical, complex or nothing, then a comment (FITS standard 4.0, section 4.2)."""

INTEGER = re.compile(r"[+-]?\d+")
LOOSE_STRING = re.compile(r" *'(?P<string>.*?)' *(?:/(?P<comment>.*))?")
LOOSE_NUMBER = re.compile(rf"(?:{NUMBER}|[+-]?\d+,\d+(?:[EeDd][+-]?\d+)?)")
TRAILED_NUMBER = re.compile(rf" *(?P<number>{NUMBER})  +(?P<comment>[^ /].*)")
NO_SLASH = "text without a slash follows the value"
LEGAL_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A card, and whether it had to be repaired or hides the standard keyword form."""

    card: HeaderCard
    is_string: bool = False
    fault: str = ""
    keyword_fault: str = ""


def parse_cards(
    images: Iterable[bytes], hdu_index: int, repairs: Repairs
) -> tuple[HeaderCard, ...]:
    """Parse the card images of one header.

    Parameters
    ----------
    images
        80 bytes each.
    hdu_index
        For the sentences.
    repairs
        Takes one sentence for each card whose value is not legal FITS, and one for each other
        kind of fault.

    Returns
    -------
    tuple of HeaderCard
        In order. Text holds no control characters; NaN, infinities and integers beyond 64 bits
        are text.
    """
    faults: dict[str, list[str]] = {}
    cards = []
    for parsed in _joined(_parse_each(images, faults)):
        cards.append(parsed.card)
        if parsed.keyword_fault:
            faults.setdefault(parsed.keyword_fault, []).append(parsed.card.keyword)
        if parsed.fault:
            repairs.add(
                f"HDU {hdu_index}: {parsed.card.keyword}: {parsed.fault};"
                f" {quoted(parsed.card.value)} was read"
            )
    for fault, keywords in faults.items():
        repairs.add(f"HDU {hdu_index}: {fault}: {_listed(keywords)}")
    return tuple(cards)


def _listed(keywords: list[str]) -> str:
    names = list(dict.fromkeys(keywords))
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(name or "(no keyword)" for name in names[:5]) + more


def _parse_each(images: Iterable[bytes], faults: dict[str, list[str]]) -> Iterator[_Parsed]:
    for image in images:
        text, fault = _decoded(image)
        if fault:
            faults.setdefault(fault, []).append(text[:8].strip())
        yield _parse(text)


def _decoded(image: bytes) -> tuple[str, str]:
    """Decode a card image; what is not printable becomes a blank, so that columns stay."""
    if image.isascii() and (text := image.decode("ascii")).isprintable():
        return text, ""
    try:
        text, fault = image.decode("utf-8"), "UTF-8 text, which FITS does not allow"
    except UnicodeDecodeError:
        text, fault = image.decode("latin-1"), "bytes that are not ASCII, read as Latin-1"
    if image.isascii():
        fault = "control characters were replaced by blanks"
    return text.translate(UNPRINTABLE), fault


def _parse(text: str) -> _Parsed:
    """Parse one card image that is not continued."""
    keyword = text[:8].rstrip().upper()
    equals = text.find("=")
    if keyword in COMMENTARY:
        return _commentary(keyword, text[8:])
    if keyword == "HIERARCH" and equals > 8:
        return _valued(" ".join(text[8:equals].split()).upper(), text[equals + 1 :], "")
    if 0 < equals <= 8:
        return _valued(
            keyword.partition("=")[0].rstrip(), text[equals + 1 :], _fault_of(text, equals)
        )
    return _commentary(keyword, text[8:])


def _fault_of(text: str, equals: int) -> str:
    """Say what is wrong with the keyword before an equals sign."""
    name = text[:equals].rstrip()
    if equals < 8:
        return "the equals sign does not stand in column 9"
    if name != name.upper():
        return "keywords in lower case"
    return (
        "" if LEGAL_KEYWORD.fullmatch(name) else "keywords with characters that FITS does not allow"
    )


def _commentary(keyword: str, text: str) -> _Parsed:
    return _Parsed(HeaderCard(keyword, text.rstrip() or None))


def _valued(keyword: str, body: str, keyword_fault: str) -> _Parsed:
    match = VALUE.fullmatch(body)
    if match is None:
        return _repaired(keyword, body, keyword_fault)
    comment = (match["comment"] or "").strip()
    if (string := match["string"]) is not None:
        card = HeaderCard(keyword, string.replace("''", "'").rstrip(), comment)
        return _Parsed(card, is_string=True, keyword_fault=keyword_fault)
    value: HeaderValue
    if match["number"]:
        value = _number(match["number"])
    else:
        value = match["logical"] == "T" if match["logical"] else match["complex"]
    return _Parsed(HeaderCard(keyword, value, comment), keyword_fault=keyword_fault)


def _number(text: str) -> HeaderValue:
    """Return a number, or its text where neither JSON nor a 64-bit integer could hold it."""
    if INTEGER.fullmatch(text):
        number = int(text)
        return number if abs(number) <= MAX_SAFE_INT else text
    value = float(text.upper().replace("D", "E"))
    return value if math.isfinite(value) else text


def _repaired(keyword: str, body: str, keyword_fault: str) -> _Parsed:
    """Read a value that breaks the rules the way its author most likely meant it."""
    value: HeaderValue
    if match := LOOSE_STRING.fullmatch(body):
        comment = (match["comment"] or "").strip()
        card = HeaderCard(keyword, match["string"].rstrip(), comment)
        return _Parsed(
            card,
            is_string=True,
            fault="an apostrophe inside is not doubled",
            keyword_fault=keyword_fault,
        )
    if body.lstrip().startswith("'"):
        text, closed, comment = body.strip()[1:].partition("'")
        fault = NO_SLASH if closed else "the closing quote is missing"
        card = HeaderCard(keyword, text.rstrip(), comment.strip())
        return _Parsed(card, bool(closed), fault, keyword_fault)
    if match := TRAILED_NUMBER.fullmatch(body):
        card = HeaderCard(keyword, _number(match["number"]), match["comment"].rstrip())
        return _Parsed(card, fault=NO_SLASH, keyword_fault=keyword_fault)
    text, _, comment = (part.strip() for part in body.partition("/"))
    fault = "the value is neither a number nor a quoted string"
    value = text
    if LOOSE_NUMBER.fullmatch(number := text.replace(" ", "")):
        fault, value = (
            "a number that is not written as FITS asks",
            _number(number.replace(",", ".")),
        )
    return _Parsed(HeaderCard(keyword, value, comment), fault=fault, keyword_fault=keyword_fault)


def _joined(cards: Iterable[_Parsed]) -> Iterator[_Parsed]:
    """Join strings that CONTINUE (FITS standard 4.0, section 4.2.1.2)."""
    chain: list[_Parsed] = []
    for parsed in cards:
        if chain and parsed.card.keyword == "CONTINUE" and _goes_on(chain[-1]):
            chain.append(_continued(parsed))
            continue
        yield from _closed(chain)
        chain = [parsed]
    yield from _closed(chain)


def _goes_on(parsed: _Parsed) -> bool:
    return parsed.is_string and str(parsed.card.value).endswith("&")


def _continued(parsed: _Parsed) -> _Parsed:
    return _valued("CONTINUE", str(parsed.card.value or ""), "")


def _closed(chain: list[_Parsed]) -> Iterator[_Parsed]:
    """Yield the card that a chain makes; a chain of one is the card itself."""
    if len(chain) < 2:
        yield from chain
        return
    first = chain[0]
    texts = [str(part.card.value or "") for part in chain]
    heads = [text.removesuffix("&") for text in texts[:-1]]
    value = "".join((*heads, texts[-1].removesuffix("&"))).rstrip()
    comment = " ".join(part.card.comment for part in chain if part.card.comment)
    fault = next((part.fault for part in chain if part.fault), "")
    card = HeaderCard(first.card.keyword, value, comment)
    yield _Parsed(card, is_string=True, fault=fault, keyword_fault=first.keyword_fault)
