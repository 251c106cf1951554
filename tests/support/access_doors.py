"""Every way to a frame, for the test of the access model: one line each in `DOORS`.

A door is asked for one drawn frame, or for a drawn selection, and says what it showed of which
frames. What it may show, the test knows.
"""

import csv
import io
import json
import random
import zipfile
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from tests.support.access_world import SITES, Person, Subject, World
from tests.support.asgi import Answer, Asker

Judged = tuple[frozenset[int], frozenset[int]]
"""Numbers of the frames that were shown, and of those that ought to be."""

YEAR = {"start": "2026-01-01", "end": "2026-12-31"}
"""In which all frames were taken; without it the LCO archive takes no filter (ARC-52)."""


class NotHeardError(Exception):
    """Who asked was refused before anything was looked at."""


def _heard(answer: Answer) -> Answer:
    if answer.status_code == 401:
        raise NotHeardError
    return answer


@dataclass
class Asking:
    """One case: who asks, and everything to draw from."""

    asker: Asker
    world: World
    person: Person
    rng: random.Random

    async def get(self, path: str, **query: Any) -> Answer:  # noqa: ANN401  # of any type
        """Ask for a path."""
        return _heard(await self.asker.ask(path, query=query, token=self.person.token))

    async def post(self, path: str, body: object) -> Answer:
        """Send JSON to a path."""
        return _heard(await self.asker.ask(path, body=body, token=self.person.token))

    def seen(self, frames: Collection[Subject]) -> frozenset[int]:
        """Give those among some frames that the rule lets the person see."""
        return frozenset(each.id for each in frames if self.world.sees(self.person, each))

    def a_site(self) -> str:
        """Draw a site, or none."""
        return self.rng.choice([*SITES, ""])


Door = Callable[[Asking], Awaitable[Judged]]
Reader = Callable[[Answer], Collection[Any]]


@dataclass(frozen=True)
class Way:
    """A door, and how often it is drawn."""

    name: str
    open: Door
    weight: int

    @property
    def needs_user(self) -> bool:
        """Whether it is for users only (PYO-4)."""
        return self.name.startswith("pyobs")


def one(path: str, *, file: bool = False, first: int | None = None) -> Door:
    """Ask for one frame: 200 shows it, 404 does not.

    `file`: of frames whose bytes are here. `first`: only so many of the frames, since pictures
    are slow.
    """

    async def ask(case: Asking) -> Judged:
        frames = [each for each in case.world.frames if each.has_file or not file]
        frame = case.rng.choice(frames[:first])
        numbers = {"id": frame.id, "thumbnail": frame.thumbnail_id}
        answer = await case.get(path.format(name=frame.basename, **numbers))
        assert answer.status_code in {200, 404}, answer.text
        assert_silent(answer, frame)
        shown = frozenset({frame.id} if answer.status_code == 200 else ())
        return shown, case.seen([frame] if frame.is_known else [])

    return ask


def detail(path: str, *, both_ways: bool) -> Door:
    """Ask for one frame and look at the related ones that it names."""

    async def ask(case: Asking) -> Judged:
        frame = case.rng.choice([each for each in case.world.frames if each.has_file])
        answer = await case.get(path.format(id=frame.id))
        if answer.status_code == 404:
            return frozenset(), case.seen([frame])
        assert answer.status_code == 200, answer.text
        shown = {frame.id, *answer.json()["related_frames"]}
        return frozenset(shown), case.seen([frame, *_related(case, frame, both_ways=both_ways)])

    return ask


def related(path: str, *, both_ways: bool, filed: bool = False) -> Door:
    """Ask for the frames that are related to one; `filed`: only those with a file are shown."""

    async def ask(case: Asking) -> Judged:
        frame = case.rng.choice([each for each in case.world.frames if each.has_file])
        answer = await case.get(path.format(id=frame.id))
        if not case.seen([frame]):
            assert answer.status_code == 404, answer.text
            return frozenset(), frozenset()
        shown = frozenset(item["id"] for item in answer.json())
        found = _related(case, frame, both_ways=both_ways)
        return shown, case.seen([each for each in found if each.has_file or not filed])

    return ask


def probe(path: str, template: str, *, dated: bool = False) -> Door:
    """Ask whether there is a frame, by a filter that no other frame passes."""
    name, _, value = template.partition("=")

    async def ask(case: Asking) -> Judged:
        frame = case.rng.choice(_selected(case, "", dated=dated))
        sent = value.format(name=frame.basename, filter=frame.filter_name)
        answer = await case.get(path, limit=case.rng.choice([0, 10]), **{name: sent})
        assert answer.status_code == 200, answer.text
        return frozenset([frame.id][: answer.json()["count"]]), case.seen([frame])

    return ask


def thumbnails(path: str) -> Door:
    """Ask for the thumbnails that were posted: each frame with a file has one."""

    async def ask(case: Asking) -> Judged:
        answer = await case.get(path, limit=1000)
        assert answer.status_code == 200, answer.text
        wanted, page = case.seen(_selected(case, "")), answer.json()
        assert page["count"] == len(wanted)
        return frozenset(item["frame"] for item in page["results"]), wanted

    return ask


def listing(path: str, *, dated: bool = False, **query: object) -> Door:
    """Ask for a list of a drawn site: its items, and its count."""

    async def ask(case: Asking) -> Judged:
        site = case.a_site()
        limit = case.rng.choice([0, 1, 7, 1000, 1000])
        answer = await case.get(path, SITE=site, SITEID=site, limit=limit, **query)
        assert answer.status_code == 200, answer.text
        wanted = case.seen(_selected(case, site, dated=dated))
        page = answer.json()
        assert page["count"] == len(wanted)
        shown = frozenset(item["id"] for item in page["results"])
        assert shown <= wanted
        return (shown, wanted) if len(shown) < limit and limit == 1000 else (wanted, wanted)

    return ask


def aggregate(path: str, *, dated: bool = False, **query: object) -> Door:
    """Ask for the values of a site: every frame has a filter of its own."""

    async def ask(case: Asking) -> Judged:
        site = case.a_site()
        answer = await case.get(path, SITE=site, site_id=site, **query)
        assert answer.status_code == 200, answer.text
        frames = _selected(case, site, dated=dated)
        wanted, said = case.seen(frames), answer.json()
        shown = frozenset(
            each.id for each in case.world.frames if each.filter_name in said["filters"]
        )
        sites = {each.site for each in frames if each.id in wanted}
        assert set(said["sites"]) == sites
        if "proposals" in said:
            proposals = {each.proposal for each in frames if each.id in wanted and each.proposal}
            assert set(said["proposals"]) == proposals
        return shown, wanted

    return ask


def table(path: str, **query: object) -> Door:
    """Ask for a list as CSV."""

    async def ask(case: Asking) -> Judged:
        site = case.a_site()
        answer = await case.get(path, SITE=site, SITEID=site, format="csv", **query)
        assert answer.status_code == 200, answer.text
        rows = csv.DictReader(io.StringIO(answer.text))
        return frozenset(int(row["id"]) for row in rows), case.seen(_selected(case, site))

    return ask


def zip_of_ids(path: str, *, partly: bool) -> Door:
    """Send numbers to a zip; `partly`: what is not seen is left out, else it makes a 404."""

    async def ask(case: Asking) -> Judged:
        files = [each for each in case.world.frames if each.has_file]
        drawn = case.rng.sample(files, case.rng.randint(1, 3))
        answer = await case.post(path, {"frame_ids": [each.id for each in drawn]})
        wanted = case.seen(drawn)
        if answer.status_code == 404:
            complete = len(wanted) == len(drawn)
            return frozenset(), wanted if partly or complete else frozenset()
        assert answer.status_code == 200, answer.text
        return _zipped(case, answer), wanted

    return ask


def zip_of_site(path: str, *, dated: bool = False) -> Door:
    """Ask for the zip of a site."""

    async def ask(case: Asking) -> Judged:
        site = case.a_site()
        answer = await case.get(path, SITE=site, SITEID=site)
        wanted = case.seen(_selected(case, site, dated=dated))
        if answer.status_code in {400, 404}:
            return frozenset(), wanted
        assert answer.status_code == 200, answer.text
        return _zipped(case, answer), wanted

    return ask


def _selected(case: Asking, site: str, *, dated: bool = False) -> list[Subject]:
    """Give the frames that a list of a site is about."""
    return [
        each
        for each in case.world.frames
        if each.has_file and (not site or each.site == site) and (each.has_date or not dated)
    ]


def _related(case: Asking, frame: Subject, *, both_ways: bool) -> list[Subject]:
    numbers = case.world.related(frame) if both_ways else frame.names
    return [each for each in case.world.frames if each.id in numbers]


def _zipped(case: Asking, answer: Answer) -> frozenset[int]:
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        stems = {name.rpartition("/")[2].split(".")[0] for name in opened.namelist()}
    known = {each.basename: each.id for each in case.world.frames}
    return frozenset(known[stem] for stem in stems)


def assert_silent(answer: Answer, frame: Subject) -> None:
    """Demand that a refusal says nothing of a frame but what was asked for."""
    if answer.status_code != 404:
        return
    assert frame.filter_name not in answer.text
    if "json" in answer.headers["content-type"]:
        assert not {"id", "public_date", "proposal_id"} & set(json.loads(answer.text))


DOORS = (
    Way("root list", listing("/frames/"), 6),
    Way("root probe by name", probe("/frames/", "basename={name}"), 6),
    Way("root probe by header", probe("/frames/", "header.OBJECT={name}"), 2),
    Way("root detail", one("/frames/{id}/"), 14),
    Way("root detail with related", detail("/frames/{id}/", both_ways=True), 4),
    Way("root related", related("/frames/{id}/related/", both_ways=True), 6),
    Way("root aggregate", aggregate("/frames/aggregate/"), 3),
    Way("root aggregate, other name", aggregate("/aggregate/"), 1),
    Way("root headers", one("/frames/{id}/headers/", file=True), 8),
    Way("root download", one("/frames/{id}/download/", file=True), 6),
    Way("root preview", one("/frames/{id}/preview/", file=True, first=6), 2),
    Way("root catalog", one("/frames/{id}/catalog/", file=True, first=6), 1),
    Way("root funpack", one("/frame-funpack/{id}/funpack/", file=True, first=6), 1),
    Way("root FITS catalog", one("/frame-catalog/{id}/catalog/", file=True, first=6), 1),
    Way("root table", table("/frames/"), 1),
    Way("root zip", zip_of_ids("/frames/zip/", partly=False), 3),
    Way("root zip of a site", zip_of_site("/frames/zip/"), 1),
    Way("pyobs list", listing("/pyobs/frames/", dated=True), 4),
    Way("pyobs probe", probe("/pyobs/frames/", "FILTER={filter}", dated=True), 5),
    Way("pyobs detail", one("/pyobs/frames/{id}/", file=True), 8),
    Way(
        "pyobs related",
        related("/pyobs/frames/{id}/related/", both_ways=False, filed=True),
        4,
    ),
    Way("pyobs aggregate", aggregate("/pyobs/frames/aggregate/", dated=True), 2),
    Way("pyobs headers", one("/pyobs/frames/{id}/headers/", file=True), 5),
    Way("pyobs preview", one("/pyobs/frames/{id}/preview/", file=True, first=6), 1),
    Way("pyobs download", one("/pyobs/frames/{id}/download/", file=True, first=6), 2),
    Way("pyobs catalog", one("/pyobs/frames/{id}/catalog/", file=True, first=6), 1),
    Way("pyobs zip", zip_of_ids("/pyobs/frames/zip/", partly=False), 1),
    Way("pyobs zip of a site", zip_of_site("/pyobs/frames/zip/", dated=True), 1),
    Way("archive list", listing("/archive/frames/", dated=True), 4),
    Way("archive probe", probe("/archive/frames/", "basename={name}", dated=True), 6),
    Way("archive detail", one("/archive/frames/{id}/"), 10),
    Way("archive related", related("/archive/frames/{id}/related/", both_ways=True), 4),
    Way("archive aggregate", aggregate("/archive/frames/aggregate/", dated=True, **YEAR), 2),
    Way("archive aggregate, other name", aggregate("/archive/aggregate/", dated=True, **YEAR), 1),
    Way("archive headers", one("/archive/frames/{id}/headers/", file=True), 5),
    Way("archive download", one("/archive/frames/{id}/download/", file=True), 4),
    Way("archive zip", zip_of_ids("/archive/frames/zip/", partly=True), 3),
    Way("archive funpack", one("/archive/frame-funpack/{id}/funpack/", file=True, first=6), 2),
    Way("archive catalog", one("/archive/frame-catalog/{id}/catalog/", file=True, first=6), 2),
    Way("archive thumbnails", thumbnails("/archive/thumbnails/"), 1),
    Way("archive thumbnail", one("/archive/thumbnails/{thumbnail}/", file=True), 3),
    Way("thumbnail by number", one("/thumbnails/{id}/", file=True, first=6), 2),
    Way("thumbnail by name", one("/thumbnails/{name}/", file=True, first=6), 2),
)
