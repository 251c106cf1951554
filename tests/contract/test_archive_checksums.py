"""What CHECKSUM and DATASUM say of announced bytes is kept, whenever they come."""

from pathlib import Path

import pytest
from astropy.io import fits

from tests.support.fits_files import make_fits, make_header, ramp
from tests.support.lco import Lco
from tests.support.lco_ingester import FOLDER, a_version, posted, put
from tests.support.serving import as_user

pytestmark = pytest.mark.asyncio


async def shown(lco: Lco, number: int, token: str) -> object:
    answer = await lco.client.get(f"/frames/{number}/headers/", headers=as_user(token))
    return answer.json()["fits_checksum"]


@pytest.mark.parametrize("is_late", [False, True])
async def test_arc_87_checksums_of_announced_bytes(
    lco: Lco, tmp_path: Path, *, is_late: bool
) -> None:
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(ramp((9, 8)), make_header()).writeto(path, checksum=True)
    content = path.read_bytes()
    token = await lco.served.a_user("root", is_superuser=True)
    if not is_late:
        put(lco, f"{FOLDER}/processed/a.fits", content)
    item = await posted(lco, token, version_set=[a_version(content)], reduction_level=91)
    if is_late:
        assert await shown(lco, item["id"], token) is None
        put(lco, f"{FOLDER}/processed/a.fits", content)
        await lco.client.get(f"/frames/{item['id']}/download/", headers=as_user(token))
    assert await shown(lco, item["id"], token) == "valid"


async def test_arc_87_no_sums_in_announced_bytes(lco: Lco, tmp_path: Path) -> None:
    content = make_fits(tmp_path / "a.fits").read_bytes()
    token = await lco.served.a_user("root", is_superuser=True)
    put(lco, f"{FOLDER}/processed/a.fits", content)
    item = await posted(lco, token, version_set=[a_version(content)], reduction_level=91)
    assert await shown(lco, item["id"], token) == "absent"
