"""Whatever a header says, the rules file it below the root or refuse it with a reason."""

from pathlib import PurePosixPath

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import ArchiveError
from app.fits.dialects import LCO_REQUIRED, PYOBS_NAME, PYOBS_REQUIRED
from app.fits.metadata import read_metadata
from app.fits.models import Container, Hdu, HduKind, HeaderCard, HeaderValue, Reading
from app.fits.repairs import Repairs
from app.ingest.facts import facts_of
from app.ingest.rules import Rules, make_rules
from app.settings import load_settings
from app.settings.ingest import IngestRules

KEYWORDS = sorted(
    {*LCO_REQUIRED, *PYOBS_REQUIRED, PYOBS_NAME, "RADIUS", "RA", "DEC", "TEL-RA", "TEL-DEC"}
    | {"RLEVEL", "REQNUM", "L1PUBDAT", "L1IDBIAS", "L1AVG1", "XBINNING", "YBINNING", "LONGITUD"}
)
WORDS = st.sampled_from(
    [
        "", " ", ".", "..", "a/b", "\\", "N/A", "none", "2026-11-18", "2026-11-19T03:04:05", "9999",
        "12:00:00", "-89:59:59", "BIAS", "EXPOSE", "1e400", "coj1m011-fa12-20261118-0042-e91.fits",
    ]
)  # fmt: skip
VALUES: st.SearchStrategy[HeaderValue] = st.one_of(
    WORDS, st.text(max_size=20), st.integers(), st.floats(), st.booleans(), st.none()
)
SOUND: dict[str, HeaderValue] = dict.fromkeys(KEYWORDS, 7) | {
    "DATE-OBS": "2026-11-19T03:04:05", "DAY-OBS": "2026-11-18", "OBSTYPE": "EXPOSE",
    "IMAGETYP": "object", "FNAME": "a", "RADIUS": 600.0, "RA": "12:00:00", "TEL-RA": None,
}  # fmt: skip
HEADERS = st.dictionaries(st.sampled_from(KEYWORDS), VALUES).map(lambda drawn: SOUND | drawn)
NAMES = st.one_of(WORDS, st.text(max_size=30)).filter(bool)
RULES = {name: make_rules(load_settings(ingest_rules=name, _env_file=None)) for name in IngestRules}


def a_reading(rules: Rules, headers: list[dict[str, HeaderValue]]) -> Reading:
    hdus = tuple(
        Hdu(
            number,
            "",
            HduKind.IMAGE,
            (10, 10),
            16,
            tuple(HeaderCard(key, value) for key, value in header.items()),
        )
        for number, header in enumerate(headers)
    )
    metadata = read_metadata(hdus, hdus[0], None, rules.keywords, Repairs())
    return Reading(Container.PLAIN, hdus, 0, metadata, None, ())


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(IngestRules)), st.lists(HEADERS, min_size=1, max_size=2), NAMES)
def test_filed_below_the_root_or_refused(
    name: IngestRules, headers: list[dict[str, HeaderValue]], filename: str
) -> None:
    rules = RULES[name]
    try:
        rules.check_name(filename)
        reading = rules.prepare(a_reading(rules, headers), filename)
        destination = rules.naming.destination(reading, filename)
        publicity = rules.public_dates.publicity(
            reading.metadata, destination.basename, frozenset({"public"})
        )
    except ArchiveError:
        return
    key = PurePosixPath(destination.key(2))
    assert not key.is_absolute()
    assert ".." not in key.parts
    assert len(key.parts) == destination.folder.count("/") + 2
    assert destination.name.startswith(destination.basename)
    assert publicity.public_at is None or not publicity.is_internal
    facts = facts_of(reading, publicity, default_site=rules.naming.default_site)
    assert facts.day_obs == facts.night
    for ra_deg, dec_deg in facts.area_deg or ():
        assert 0 <= ra_deg < 360
        assert -90 <= dec_deg <= 90
