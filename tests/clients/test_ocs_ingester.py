"""The OCS ingester puts files into its own file store, and tells the archive of them."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from astropy.io import fits
from PIL import Image

from tests.clients.conftest import Running
from tests.support.fits_files import make_header, ramp

CARDS: dict[str, str | int | None] = {
    "SITEID": "ogg",
    "TELID": "0m4a",
    "INSTRUME": "kb27",
    "PROPID": "calib-2026",
    "OBSTYPE": "EXPOSE",
    "BLKUID": 4711,
    "REQNUM": 815,
    "RLEVEL": 0,
    "DAY-OBS": "20261118",
    "L1PUBDAT": "2026-11-19T00:00:00",
}


Ocs = Callable[..., list[dict[str, Any]]]


def an_lco_file(path: Path, **cards: str | int | None) -> Path:
    """Make a tile-compressed file as the pipeline leaves it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = make_header(**{**CARDS, **cards})
    image = fits.CompImageHDU(ramp((32, 24)), header, name="SCI")
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path, overwrite=True)
    return path


@pytest.fixture
def ocs(archive: Running) -> Ocs:
    """Run the ingester with its file store where the archive looks for it."""

    def ingest(*order: dict[str, Any], **environment: object) -> list[dict[str, Any]]:
        done = archive.run(
            "ocs_client.py",
            stdin=list(order),
            API_ROOT=f"{archive.url}archive/",
            AUTH_TOKEN=archive.token,
            FILESTORE_TYPE="local",
            FILESYSTEM_STORAGE_ROOT_DIR=archive.folder / "filestore",
            OPENTSDB_PYTHON_METRICS_TEST_MODE="true",
            **environment,
        )
        return list(done)

    return ingest


def test_frames_replays_and_versions(archive: Running, ocs: Ocs, tmp_path: Path) -> None:
    name = "ogg0m406-kb27-20261118-0001-e00"
    bias = "ogg0m406-kb27-20261118-bias-bin1x1"
    file = an_lco_file(tmp_path / f"{name}.fits.fz", L1IDBIAS=f"{bias}.fits")
    content = file.read_bytes()
    (done,) = ocs({"file": str(file)})
    assert (done["known"], done["outcome"]) == (False, "ingested")
    assert done["filename"] == f"{name}.fits.fz"
    assert httpx.get(done["url"]).content == content

    (replay,) = ocs({"file": str(file)})
    assert (replay["known"], replay["outcome"]) == (True, "known")

    an_lco_file(file, OBJECT="Changed")
    (second,) = ocs({"file": str(file)})
    assert second["outcome"] == "ingested"
    assert second["frameid"] == done["frameid"]
    frame = archive.client.get(f"archive/frames/{done['frameid']}/").json()
    assert frame["target_name"] == "Changed"
    digests = [
        hashlib.md5(each, usedforsecurity=False).hexdigest()
        for each in (file.read_bytes(), content)
    ]
    assert [version["md5"] for version in frame["version_set"]] == digests
    # The store of the client knows one file of a name; the archive keeps both.
    assert [httpx.get(each["url"]).content for each in frame["version_set"]] == [
        file.read_bytes(),
        content,
    ]
    headers = archive.client.get(f"archive/frames/{done['frameid']}/headers/").json()["data"]
    assert (headers["OBJECT"], headers["REQNUM"]) == ("Changed", 815)


def test_related_frames_arrive_in_any_order(archive: Running, ocs: Ocs, tmp_path: Path) -> None:
    bias = "ogg0m406-kb27-20261118-bias-bin2x2"
    light = "ogg0m406-kb27-20261118-0002-e91"
    outcomes = ocs(
        {"file": str(an_lco_file(tmp_path / f"{light}.fits.fz", RLEVEL=91, L1IDBIAS=bias))},
        {"file": str(an_lco_file(tmp_path / f"{bias}.fits.fz", OBSTYPE="BIAS"))},
    )
    assert [each["outcome"] for each in outcomes] == ["ingested", "ingested"]
    first, second = (
        archive.client.get(f"archive/frames/{each['frameid']}/").json() for each in outcomes
    )
    assert first["related_frames"] == [second["id"]]
    assert second["related_frames"] == [first["id"]]
    listed = archive.client.get("archive/frames/", params={"basename_exact": light}).json()
    assert listed["count"] == 1
    assert listed["results"][0]["reduction_level"] == 91


def test_thumbnails(archive: Running, ocs: Ocs, tmp_path: Path) -> None:
    name = "ogg0m406-kb27-20261118-0003-e91"
    picture = tmp_path / f"{name}-small.jpg"
    Image.new("RGB", (20, 10), "white").save(picture)
    metadata = {
        "frame_basename": name,
        "DATE-OBS": "2026-11-18T22:30:00",
        "DAY-OBS": "20261118",
        **{key: CARDS[key] for key in ("SITEID", "TELID", "INSTRUME", "PROPID", "OBSTYPE")},
    }
    order = {
        "file": str(picture),
        "file_metadata": metadata,
        "is_thumbnail": True,
        "thumbnail_size": "small",
    }
    (done,) = ocs(order)
    assert done["outcome"] == "ingested"
    found = archive.client.get("archive/thumbnails/", params={"frame_basename": name}).json()
    (thumbnail,) = found["results"]
    assert thumbnail["size"] == "small"
    assert httpx.get(thumbnail["url"]).content == picture.read_bytes()


def test_a_file_without_what_is_required_is_refused_by_the_client(ocs: Ocs, tmp_path: Path) -> None:
    file = an_lco_file(tmp_path / "ogg0m406-kb27-20261118-0004-e00.fits.fz", BLKUID=None)
    (done,) = ocs({"file": str(file)})
    assert done["outcome"] == "refused"
