"""A command says that it waits for PostgreSQL, rather than standing still without a word."""

import asyncio

import pytest

from app.cli import session


async def answering(after: asyncio.Event) -> str:
    await after.wait()
    return "postgresql+asyncpg://"


@pytest.mark.asyncio
async def test_a_server_that_hangs_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = asyncio.Event()
    monkeypatch.setattr(session, "_PATIENCE_S", 0.01)
    waiting = asyncio.create_task(session._waited_for(answering(answers)))
    said = ""
    async with asyncio.timeout(10):
        while not said:
            await asyncio.sleep(0.01)
            said = capsys.readouterr().err
    assert said == "waiting for PostgreSQL, which does not answer yet\n"
    answers.set()
    assert await waiting == "postgresql+asyncpg://"
    assert await session._waited_for(answering(answers)) == "postgresql+asyncpg://"
    assert capsys.readouterr().err == ""
