"""Synthetic frames of an observatory network that does not exist, for a first look and for tests.

A run is planned as observing sessions (`plan`), each with the light of its sky (`scene`), a camera
that records and calibrates it (`detector`), and headers that agree with position, site and time
(`ephemeris`, `cards`). Only processes of their own import this package: it needs astropy.
"""

from app.fits.simulate.files import SampleFrame, sample_frames, write_samples

__all__ = ["SampleFrame", "sample_frames", "write_samples"]
