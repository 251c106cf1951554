"""Says in the log which files disagree with the checksums inside them."""

import structlog

from app.fits.models import ChecksumState, Reading

log = structlog.get_logger(__name__)


def tell_wrong_checksums(reading: Reading, filename: str) -> None:
    """Log a file whose CHECKSUM or DATASUM does not agree with its bytes.

    It is filed all the same: many programs change a header and leave the sums as they were.

    Parameters
    ----------
    reading
        What the file says.
    filename
        For the log.
    """
    if reading.checksums.state is ChecksumState.INVALID:
        log.warning("wrong FITS checksum", file=filename, flaws=reading.checksums.flaws)
