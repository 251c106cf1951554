"""Make the frames of a plan, and write them as an instrument would."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.wcs import WCS

from app.fits.simulate.cards import Card, detector_cards, frame_cards, reduction_cards, wcs_cards
from app.fits.simulate.detector import Chip, calibrate, chip_of, record
from app.fits.simulate.plan import Exposure, Session, Shot, sessions
from app.fits.simulate.scene import FloatArray, Scene, observe, random_of, twilight_e, wcs_of

_SEED = 20
_REDUCED = 91
_APERTURE_FWHM = 1.5
_LEAST_SIGNAL_TO_NOISE = 5


@dataclass(frozen=True, slots=True)
class SampleFrame:
    """A synthetic FITS file.

    Attributes
    ----------
    name
        File name, ending in ``.fits``.
    content
        The whole file.
    """

    name: str
    content: bytes


def sample_frames(count: int, *, last_night: date, seed: int = _SEED) -> Iterator[SampleFrame]:
    """Make synthetic frames: bias, dark, sky flats, then raw and reduced science, per session.

    A frame depends on the seed and the last night alone: more frames continue fewer.

    Parameters
    ----------
    count
        How many frames.
    last_night
        Local date of the newest night; that of the day before yesterday is over everywhere.
    seed
        Of stars, cameras and noise.

    Yields
    ------
    SampleFrame
        Every frame after the ones that it was made from.
    """
    frames = (frame for session in sessions(last_night) for frame in _session(session, seed))
    yield from islice(frames, count)


def write_samples(folder: Path, count: int, *, last_night: date) -> list[Path]:
    """Write synthetic frames into a folder, each complete from the moment that it has its name.

    Parameters
    ----------
    folder
        Where to; made if it is missing.
    count
        How many frames.
    last_night
        Local date of the newest night; that of the day before yesterday is over everywhere.

    Returns
    -------
    list of Path
        The files, in the order of writing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for frame in sample_frames(count, last_night=last_night):
        partial = folder / f".{frame.name}.part"
        partial.write_bytes(frame.content)
        written.append(partial.rename(folder / frame.name))
    return written


def _session(session: Session, seed: int) -> Iterator[SampleFrame]:
    camera = session.bias.camera
    chip = chip_of(camera, seed)
    dark_e = np.zeros((camera.height_px, camera.width_px))
    for shot in (session.bias, session.dark):
        yield _raw_frame(shot, _read_out(shot, chip, dark_e, seed))
    for shot in session.flats:
        yield _raw_frame(shot, _read_out(shot, chip, twilight_e(shot), seed))
    for flat, shot in zip(session.flats, session.science, strict=True):
        yield from _science(session, shot, flat, chip, seed)


def _science(
    session: Session, shot: Exposure, flat: Shot, chip: Chip, seed: int
) -> Iterator[SampleFrame]:
    """Make an exposure of a target, raw and reduced."""
    wcs = wcs_of(shot, seed)
    scene = observe(shot, wcs, seed)
    raw_adu = _read_out(shot, chip, scene.light_e, seed)
    yield _raw_frame(shot, raw_adu, wcs)
    image_e = calibrate(shot.camera, chip, raw_adu, shot.exposure_s)
    relations = reduction_cards(session, shot, flat)
    yield _reduced_frame(shot, image_e, wcs, scene, relations)


def _read_out(shot: Shot, chip: Chip, light_e: FloatArray, seed: int) -> npt.NDArray[np.uint16]:
    rng = random_of(seed, shot.night, shot.number, 0)
    return record(shot.camera, chip, light_e, shot.exposure_s, rng)


def _raw_frame(shot: Shot, raw_adu: npt.NDArray[np.uint16], wcs: WCS | None = None) -> SampleFrame:
    """Put counts into the primary HDU, as unsigned integers (BZERO 32768)."""
    cards = frame_cards(shot, 0) + detector_cards(shot, 0)
    hdu = fits.PrimaryHDU(raw_adu, _header(cards, wcs))
    return _packed(shot.basename(), [hdu])


def _reduced_frame(
    shot: Shot, image_e: npt.NDArray[np.float32], wcs: WCS, scene: Scene, relations: list[Card]
) -> SampleFrame:
    """Put electrons into SCI and the sources into CAT; the primary HDU says whose frame it is."""
    cards = frame_cards(shot, _REDUCED)
    pixels = detector_cards(shot, _REDUCED)
    hdus = [
        fits.PrimaryHDU(header=_header(cards, None)),
        fits.ImageHDU(image_e, _header(cards + pixels + relations, wcs), name="SCI"),
        _sources(scene, image_e, shot),
    ]
    return _packed(shot.basename(_REDUCED), hdus)


def _sources(scene: Scene, image_e: npt.NDArray[np.float32], shot: Shot) -> fits.BinTableHDU:
    """List the stars that stand out of the noise, brightest first."""
    pixels = np.pi * (_APERTURE_FWHM * scene.fwhm_px) ** 2
    noise_e = np.sqrt(scene.flux_e + pixels * (scene.sky_e + shot.camera.read_noise_e**2))
    order = np.argsort(-scene.flux_e)
    keep = order[(scene.flux_e / noise_e)[order] > _LEAST_SIGNAL_TO_NOISE]
    x_px, y_px = scene.x_px[keep], scene.y_px[keep]
    peak_e = image_e[np.rint(y_px).astype(int), np.rint(x_px).astype(int)]
    saturation_e = shot.camera.saturation_adu * shot.camera.gain_e_per_adu
    every = np.ones(len(keep))
    columns = [
        fits.Column("x", "D", "pixel", array=x_px + 1),
        fits.Column("y", "D", "pixel", array=y_px + 1),
        fits.Column("ra", "D", "deg", array=scene.ra_deg[keep]),
        fits.Column("dec", "D", "deg", array=scene.dec_deg[keep]),
        fits.Column("flux", "D", "electron", array=scene.flux_e[keep]),
        fits.Column("fluxerr", "D", "electron", array=noise_e[keep]),
        fits.Column("peak", "D", "electron", array=peak_e),
        fits.Column("background", "D", "electron", array=scene.sky_e * every),
        fits.Column("fwhm", "D", "pixel", array=scene.fwhm_px * every),
        fits.Column("flag", "J", array=(peak_e >= saturation_e) * 4),
    ]
    return fits.BinTableHDU.from_columns(columns, name="CAT")


def _header(cards: list[Card], wcs: WCS | None) -> fits.Header:
    return fits.Header(cards if wcs is None else cards + wcs_cards(wcs))


def _packed(
    basename: str, hdus: list[fits.PrimaryHDU | fits.ImageHDU | fits.BinTableHDU]
) -> SampleFrame:
    """Seal every HDU with checksums (FITS standard 4.0, appendix J) and write the file."""
    file = fits.HDUList(hdus)  # adds EXTEND to the primary header, which belongs into its checksum
    for hdu in file:
        hdu.add_checksum(when="Checksum of the whole HDU")
    buffer = BytesIO()
    file.writeto(buffer, output_verify="exception")
    return SampleFrame(f"{basename}.fits", buffer.getvalue())
