"""The invented observatory: its sites and cameras, its filters, and the fields it looks at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """A place with telescopes.

    Attributes
    ----------
    code, name
        SITEID and SITE.
    latitude_deg, longitude_deg
        Geodetic, north and east positive [deg].
    height_m
        Above the ellipsoid [m].
    """

    code: str
    name: str
    latitude_deg: float
    longitude_deg: float
    height_m: float


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera on its telescope, as it is read out here.

    Attributes
    ----------
    site
        Where it stands.
    enclosure, telescope_code, telescope, instrument
        ENCID, TELID, TELESCOP and INSTRUME.
    aperture_m
        Diameter of the mirror [m].
    width_px, height_px
        Size of the binned image [pixel].
    binning
        Of both axes.
    scale_arcsec
        Size of a binned pixel [arcsec].
    rotation_deg
        Position angle of the image's y axis, from north over east [deg].
    gain_e_per_adu, read_noise_e, saturation_adu
        Electrons a count, noise of a readout [electron], and where counts stop to be linear [adu].
    filters
        The filters of a session.
    """

    site: Site
    enclosure: str
    telescope_code: str
    telescope: str
    instrument: str
    aperture_m: float
    width_px: int
    height_px: int
    binning: int
    scale_arcsec: float
    rotation_deg: float
    gain_e_per_adu: float
    read_noise_e: float
    saturation_adu: int
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """A filter and what comes through it.

    Attributes
    ----------
    zero_point_mag
        Magnitude of a star that gives 1 electron/s at a mirror of 1 m.
    sky_mag_arcsec2
        Brightness of the moonless sky [mag/arcsec2].
    color_slope
        How much of a star's colour adds to its magnitude.
    """

    zero_point_mag: float
    sky_mag_arcsec2: float
    color_slope: float


@dataclass(frozen=True, slots=True)
class Target:
    """A field of the sky.

    Attributes
    ----------
    name
        OBJECT.
    ra_deg, dec_deg
        Centre, ICRS [deg].
    proposal
        PROPID.
    stars
        How many stars its catalogue has.
    brightest_mag
        Magnitude of the brightest star.
    cluster_arcmin
        Scale of a star cluster [arcmin]; None for a uniform field.
    galaxy_arcsec
        Scale length of a galaxy in the centre [arcsec]; None without one.
    """

    name: str
    ra_deg: float
    dec_deg: float
    proposal: str
    stars: int
    brightest_mag: float
    cluster_arcmin: float | None = None
    galaxy_arcsec: float | None = None


_NORTH = Site("npk", "North Peak Observatory", 33.204, -116.915, 1810.0)
_SOUTH = Site("sdv", "Sierra del Viento", -30.412, -70.538, 2350.0)
_KAROO = Site("krp", "Karoo Plateau Station", -32.017, 20.496, 1745.0)

CAMERAS = (
    Camera(
        site=_NORTH,
        enclosure="doma",
        telescope_code="1m0a",
        telescope="1m0-02",
        instrument="sk02",
        aperture_m=1.0,
        width_px=640,
        height_px=640,
        binning=2,
        scale_arcsec=0.78,
        rotation_deg=0.4,
        gain_e_per_adu=1.4,
        read_noise_e=8.5,
        saturation_adu=61000,
        filters=("B", "V"),
    ),
    Camera(
        site=_SOUTH,
        enclosure="domb",
        telescope_code="1m0a",
        telescope="1m0-05",
        instrument="sk05",
        aperture_m=1.0,
        width_px=512,
        height_px=512,
        binning=2,
        scale_arcsec=0.78,
        rotation_deg=-90.6,
        gain_e_per_adu=1.6,
        read_noise_e=9.2,
        saturation_adu=60000,
        filters=("rp", "ip"),
    ),
    Camera(
        site=_KAROO,
        enclosure="aqwa",
        telescope_code="0m4a",
        telescope="0m4-11",
        instrument="sq11",
        aperture_m=0.4,
        width_px=480,
        height_px=360,
        binning=1,
        scale_arcsec=1.14,
        rotation_deg=178.2,
        gain_e_per_adu=1.0,
        read_noise_e=14.0,
        saturation_adu=58000,
        filters=("V", "R"),
    ),
)

BANDS = {
    "B": Band(23.0, 22.2, 0.9),
    "V": Band(23.3, 21.4, 0.0),
    "R": Band(23.4, 20.7, -0.5),
    "rp": Band(23.7, 20.9, -0.3),
    "ip": Band(23.2, 19.8, -0.7),
}

# Spread over right ascension and over both poles, so that some field is up at any site and time.
TARGETS = (
    Target("Equinox Field", 359.985, 0.12, "SKY-SURVEY", stars=150, brightest_mag=13.5),
    Target("M67", 132.846, 11.814, "SKY-CLUSTERS", 350, 11.5, cluster_arcmin=6.0),
    Target("NGC 7331", 339.267, 34.4156, "SKY-GALAXIES", 180, 13.0, galaxy_arcsec=45.0),
    Target("NGC 3172", 176.816, 89.0931, "SKY-POLES", 120, 13.0, galaxy_arcsec=9.0),
    Target("NGC 2573", 25.4, -89.3344, "SKY-POLES", 130, 13.0, galaxy_arcsec=14.0),
    Target("SA98", 103.02, -0.328, "standard", 300, 12.0),
    Target("NGC 1068", 40.6696, -0.0133, "SKY-GALAXIES", 110, 13.5, galaxy_arcsec=22.0),
    Target("SA104", 190.62, -0.55, "standard", 110, 12.5),
    Target("M5", 229.6384, 2.081, "SKY-CLUSTERS", 600, 12.5, cluster_arcmin=2.0),
    Target("SA110", 280.65, 0.35, "standard", 400, 12.0),
)
