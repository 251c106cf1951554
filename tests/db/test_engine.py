"""What the database's refusals mean: something is away, or the program is at fault."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.errors import UnavailableError
from app.db.engine import Sessions, transaction

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    ("sqlstate", "name"),
    [
        ("53100", "the disk is full"),
        ("53300", "too many connections"),
        ("57P01", "the server stops"),
        ("58030", "the disk is broken"),
        ("25006", "the server became a standby"),
        ("40P01", "a deadlock"),
    ],
)
async def test_what_the_server_cannot_do_now_is_away(
    committed_sessions: Sessions, sqlstate: str, name: str
) -> None:
    raising = f"DO $$ BEGIN RAISE EXCEPTION '{name}' USING ERRCODE = '{sqlstate}'; END $$"
    with pytest.raises(UnavailableError):
        async with transaction(committed_sessions) as session:
            await session.execute(text(raising))


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("SELECT CAST(:value AS integer)", 2**40),
        ("SELECT CAST(:value AS text)", "\udcff"),
        ("SELECT CAST(:value AS text)", "a\x00b"),
        ("SELECT 1 / CAST(:value AS integer)", 0),
    ],
)
async def test_a_value_that_the_database_cannot_hold_is_not_waited_for(
    committed_sessions: Sessions, statement: str, value: object
) -> None:
    with pytest.raises(DBAPIError):
        async with transaction(committed_sessions) as session:
            await session.execute(text(statement), {"value": value})
