"""What `make test` leaves to the long run."""

import pytest

LONG_ONLY = pytest.mark.skipif("not config.getoption('--long')", reason="part of the long run")
