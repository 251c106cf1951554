"""The pulse of the database ends without cutting off its last question."""

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.db.pulse import Pulse


@pytest.mark.asyncio
async def test_the_last_question_is_answered_before_the_end(engine: AsyncEngine) -> None:
    pulse = Pulse(engine)
    beating = asyncio.create_task(pulse.keep())
    await asyncio.sleep(0)  # it asks
    (asking,) = pulse._asking
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    await pulse.close()
    assert asking.done()
    assert not asking.cancelled()
    assert asking.exception() is None
