"""What the OpenAPI document shows: a frame, its cards, an aggregate, an upload."""

from typing import Any, Final

_LINK: Final = (
    "https://archive.example/frames/42/download/"
    "?version=0c1f5c7e9a3d4b62b1f0a7d8e6c5b4a3&expires=1795600000&signature=5f1d"
)

FRAME: Final[dict[str, Any]] = {
    "id": 42,
    "basename": "tlv1m0-cam1-20261119-0042-e00",
    "observation_date": "2026-11-19T18:30:12.250000Z",
    "DATE_OBS": "2026-11-19T18:30:12.250000Z",
    "observation_day": "2026-11-19",
    "DAY_OBS": "2026-11-19",
    "night": "2026-11-19",
    "proposal_id": "2026B-017",
    "PROPID": "2026B-017",
    "instrument_id": "cam1",
    "INSTRUME": "cam1",
    "target_name": "M 67",
    "OBJECT": "M 67",
    "reduction_level": 0,
    "RLEVEL": 0,
    "site_id": "tlv",
    "SITEID": "tlv",
    "telescope_id": "1m0a",
    "TELID": "1m0a",
    "exposure_time": 60.0,
    "EXPTIME": 60.0,
    "primary_optical_element": "V",
    "FILTER": "V",
    "public_date": "2027-11-19T18:30:12.250000Z",
    "L1PUBDAT": "2027-11-19T18:30:12.250000Z",
    "configuration_type": "EXPOSE",
    "OBSTYPE": "EXPOSE",
    "IMAGETYP": "object",
    "observation_id": 7001,
    "BLKUID": 7001,
    "request_id": 1234,
    "REQNUM": 1234,
    "OBSNUM": "17",
    "binning": "1x1",
    "area": {
        "type": "Polygon",
        "coordinates": [
            [[133.0, 11.6], [132.6, 11.6], [132.6, 12.0], [133.0, 12.0], [133.0, 11.6]]
        ],
    },
    "related_frames": [40, 41],
    "version_set": [
        {
            "id": 42,
            "key": "0c1f5c7e9a3d4b62b1f0a7d8e6c5b4a3",
            "md5": "9e107d9d372bb6826bd81d3542a419d6",
            "extension": ".fits.fz",
            "url": _LINK,
            "created": "2026-11-19T18:31:20Z",
            "damage": None,
            "verified_at": "2026-11-20T12:04:51Z",
        }
    ],
    "url": _LINK,
    "filename": "tlv1m0-cam1-20261119-0042-e00.fits.fz",
    "size_bytes": 4377600,
    "md5": "9e107d9d372bb6826bd81d3542a419d6",
    "sha256": "d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592",
    "fits_checksum": "valid",
}

FRAMES: Final[dict[str, Any]] = {
    "count": 1234,
    "next": "https://archive.example/frames/?SITE=tlv&limit=1&offset=1",
    "previous": None,
    "results": [FRAME],
    "count_estimated": False,
}

HEADERS: Final[dict[str, Any]] = {
    "results": [
        {"key": "DATE-OBS", "value": "2026-11-19T18:30:12.250"},
        {"key": "EXPTIME", "value": 60.0},
    ],
    "data": {
        "DATE-OBS": "2026-11-19T18:30:12.250",
        "DATE_OBS": "2026-11-19T18:30:12.250",
        "EXPTIME": 60.0,
    },
    "hdus": [
        {"index": 0, "name": "", "kind": "empty"},
        {"index": 1, "name": "SCI", "kind": "compressed image"},
    ],
    "repairs": [],
    "fits_checksum": "valid",
    "checksum_flaws": [],
}

AGGREGATE: Final[dict[str, Any]] = {
    "sites": ["tlv"],
    "telescopes": ["1m0a"],
    "instruments": ["cam1"],
    "filters": ["B", "V"],
    "binnings": ["1x1", "2x2"],
    "imagetypes": ["bias", "object"],
    "obstypes": ["BIAS", "EXPOSE"],
    "proposals": ["2026B-017"],
    "generated_at": "2026-11-20T12:00:00Z",
}

CREATED: Final[dict[str, Any]] = {
    "created": 1,
    "filenames": ["tlv1m0-cam1-20261119-0042-e00"],
    "errors": ["notes.fits is no FITS file"],
    "results": [
        {
            "filename": "tlv1m0-cam1-20261119-0042-e00.fits",
            "state": "filed",
            "frame_id": 42,
            "reason": None,
        },
        {
            "filename": "notes.fits",
            "state": "quarantined",
            "frame_id": None,
            "reason": "notes.fits is no FITS file",
        },
    ],
}
