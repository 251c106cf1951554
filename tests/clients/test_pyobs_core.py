"""pyobs-core uploads, lists and fetches, at the strict mount and at the root."""

from pathlib import Path

import numpy as np
import pytest

from tests.clients.conftest import Running
from tests.support.fits_files import make_fits


@pytest.mark.parametrize("mount", ["pyobs/", ""])
def test_pyobs_core(archive: Running, tmp_path: Path, mount: str) -> None:
    site = f"p{len(mount)}"
    files = [
        make_fits(
            tmp_path / f"{site}-cam1-20261118-{number:04d}-e00.fits",
            SITEID=site,
            FNAME=f"{site}-cam1-20261118-{number:04d}-e00.fits",
            OBJECT=f"Target {number}",
            XBINNING=2,
            YBINNING=2,
            shape=(20, 10 + number),
        )
        for number in range(3)
    ]
    found = archive.run("pyobs_client.py", archive.url + mount, archive.token, site, *files)
    assert sorted(found["names"]) == [file.stem for file in files]
    assert found["options"]["sites"] == [site]
    assert found["options"]["binnings"] == ["2x2"]
    assert found["binnings"] == [2, 2, 2]
    by_name = dict(zip(found["names"], found["sums"], strict=True))
    for number, file in enumerate(files):
        assert by_name[file.stem] == np.arange(20 * (10 + number)).sum()
    assert sorted(found["objects"]) == ["Target 0", "Target 1", "Target 2"]

    # Again, with one file changed: the same frames, the new pixels.
    make_fits(files[0], SITEID=site, FNAME=files[0].name, shape=(4, 5), XBINNING=2, YBINNING=2)
    again = archive.run("pyobs_client.py", archive.url + mount, archive.token, site, *files)
    assert sorted(again["names"]) == [file.stem for file in files]
    by_name = dict(zip(again["names"], again["sums"], strict=True))
    assert by_name[files[0].stem] == np.arange(20).sum()
