"""SQL says of every position and area what Python says, and Python what astropy says."""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from astropy import units as u
from astropy.coordinates import SkyCoord
from sqlalchemy import (
    ARRAY,
    Column,
    Connection,
    Double,
    Integer,
    MetaData,
    Table,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from app.core.errors import UnavailableError
from app.core.sky import Cone, Vector, cross, normalized, position_deg, unit_vector
from app.core.sky_polygon import InvalidPolygonError, Polygon, polygon_of
from app.db.embedded import EmbeddedPostgres
from app.db.schema import migrate, revision_module
from app.db.sky import Cube, SkyColumns, covers_point, intersects_polygon, within_cone
