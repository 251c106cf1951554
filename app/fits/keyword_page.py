"""The built-in keyword map as a page of the documentation."""

from collections.abc import Iterable

from app.fits.keyword_tables import (
    CLEAR_WORDS,
    IMAGE_TYPES,
    MEANINGS,
    NULL_WORDS,
    PURE_TYPE_KEYWORDS,
)
from app.fits.keywords import BUILT_IN
from app.fits.models import ObservationType


def keyword_map_page() -> str:
    """Render the built-in map as a reference page.

    Returns
    -------
    str
        Markdown, for ``docs/admin/reference/keyword-map.md``.
    """
    concepts = "\n".join(
        f"| `{concept}` | {MEANINGS[concept]} | {_codes(rule.written() for rule in rules)} |"
        for concept, rules in BUILT_IN.rules.items()
    )
    types = "\n".join(
        f"| {kind} | {_codes(word for word, of in IMAGE_TYPES.items() if of is kind)} |"
        for kind in ObservationType
    )
    words = {
        "null": _codes(word for word in NULL_WORDS if word),
        "clear": _codes(CLEAR_WORDS),
        "pure": _codes(sorted(PURE_TYPE_KEYWORDS)),
    }
    return _PAGE.format(concepts=concepts, types=types, **words)


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


_PAGE = """\
# Keyword map

Headers differ from observatory to observatory. This map says which keywords are read for what.
The keywords of a concept are tried from left to right, in the science HDU, then in the primary
HDU; where neither has one, in the other HDUs. The first usable value counts.

`A/B` is a pair: both must be there. A unit in brackets is that of the value; without one, the
comment of the card decides. `HIERARCH` keywords are written without that word.

| Concept | Meaning | Keywords |
|---|---|---|
{concepts}

## Image types

Case, blanks and punctuation do not count. A word of {pure} that stands nowhere
here makes the frame EXPERIMENTAL; in the other keywords unknown words do not count.

| Type | Words |
|---|---|
{types}

## Words that mean nothing is said

{null}

## Words for a wheel position without a filter

{clear}

## Your own keywords

`SKYSHELF_KEYWORDS_FILE` names a TOML file. Its keywords are tried before the built-in ones, its
words are added:

```toml
[concepts]
site = ["OBSID"]
position = ["POINTRA/POINTDEC [hour]"]
exposure = ["SHUTTIME [ms]"]

[image_types]
"sky frame" = "SKYFLAT"

[words]
null = ["n.n."]
clear = ["substrate"]
```
"""
