"""A download script of the kind that astronomers write with requests works at every mount."""

import pytest

from tests.clients.conftest import Running
from tests.support.fits_files import make_fits
from tests.support.running_archive import until


@pytest.mark.parametrize("mount", ["", "archive/"])
def test_download_script(archive: Running, mount: str) -> None:
    target = f"Script {mount or 'root'}".strip("/")
    for number in range(5):
        name = f"script{len(mount)}-{number}.fits"
        make_fits(archive.folder / "inbox" / name, OBJECT=target, shape=(8, 9 + number))
    until(lambda: archive.client.get("frames/", params={"OBJECT": target}).json()["count"] == 5)
    found = archive.run(
        "download_script.py", archive.url + mount, "admin", archive.password, target
    )
    assert found["count"] == 5
    assert len(found["sizes"]) == 5
    assert all(size >= 2880 for size in found["sizes"].values())
    assert found["members"] == found["sizes"]
