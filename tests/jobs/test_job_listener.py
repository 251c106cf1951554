"""The listener when its connection breaks, and when there is no database at all."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.db.engine import Sessions, make_engine, make_sessions, transaction
from app.jobs import listener as module
from app.jobs.listener import Listener

NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"


@pytest_asyncio.fixture
async def listener(committed_sessions: Sessions) -> AsyncIterator[Listener]:
    listener = Listener(committed_sessions)
    await listener.wait(0.01)
    yield listener
    await listener.close()


async def notify(sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        await session.execute(text("SELECT pg_notify('skyshelf_jobs', 'ingest')"))


async def kill_listeners(sessions: Sessions) -> int:
    async with transaction(sessions) as session:
        killed = await session.scalars(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
            )
        )
        return len(killed.all())


@pytest.mark.asyncio
async def test_quiet_means_time_out(listener: Listener) -> None:
    started = time.monotonic()
    await listener.wait(0.1)
    assert 0.09 < time.monotonic() - started < 5


@pytest.mark.asyncio
async def test_a_server_that_refuses_is_one_that_cannot_tell(database_url: str) -> None:
    engine = make_engine(database_url.replace("/skyshelf?", "/nothing?"), pool_size=1)
    listener = Listener(make_sessions(engine))
    await listener.wait(0.01)  # as while it recovers from a crash: nothing is raised
    await listener.close()
    await engine.dispose()


@pytest.mark.asyncio
async def test_a_killed_connection_is_made_again(
    listener: Listener, committed_sessions: Sessions
) -> None:
    waiting = asyncio.create_task(listener.wait(30))
    await asyncio.sleep(0.05)
    assert await kill_listeners(committed_sessions) == 1
    await asyncio.wait_for(waiting, 5)  # woken at once: something may be missed meanwhile
    await asyncio.wait_for(listener.wait(30), 5)  # connects, and looks once
    waiting = asyncio.create_task(listener.wait(30))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await notify(committed_sessions)
    await asyncio.wait_for(waiting, 5)


@pytest.mark.asyncio
async def test_a_connection_that_broke_in_silence_is_found_out(
    listener: Listener, committed_sessions: Sessions
) -> None:
    connection = listener._connection
    assert connection is not None
    connection.remove_termination_listener(listener._on_end)
    connection.terminate()
    await listener.wait(0.01)
    assert listener._connection is None
    await asyncio.wait_for(listener.wait(30), 5)
    waiting = asyncio.create_task(listener.wait(30))
    await notify(committed_sessions)
    await asyncio.wait_for(waiting, 5)


@pytest.mark.asyncio
async def test_the_pool_keeps_all_its_slots(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1)
    sessions = make_sessions(engine)
    listener = Listener(sessions)
    await listener.wait(0.01)
    waiting = asyncio.create_task(listener.wait(30))
    await asyncio.wait_for(notify(sessions), 5)
    await asyncio.wait_for(waiting, 5)
    await listener.close()
    await engine.dispose()


@pytest.mark.asyncio
async def test_without_a_database_it_polls_and_does_not_hammer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = make_engine(NOWHERE, pool_size=1)
    listener = Listener(make_sessions(engine))
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.1)
    tries = 0
    open_connection = listener._open

    async def count_tries() -> object:
        nonlocal tries
        tries += 1
        return await open_connection()

    monkeypatch.setattr(listener, "_open", count_tries)
    started = time.monotonic()
    while time.monotonic() - started < 0.6:
        await listener.wait(0.01)
    assert 2 <= tries <= 4  # after 0, 0.1, 0.3 and 0.7 s
    await engine.dispose()


@pytest.mark.asyncio
async def test_a_failure_of_the_engine_is_no_failure_of_the_wait(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    await listener.close()

    async def fail() -> object:
        raise OperationalError("SELECT", None, Exception("starting up"))

    with monkeypatch.context() as patch:
        patch.setattr(listener, "_open", fail)
        await listener.wait(0.01)
    assert listener._connection is None
