"""Whatever is sent: no 422, no 500, and no path of the server in any answer or log."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool
from typing_extensions import override

from app.core.offload import Offload
from app.main import DIALECTS, create_app, mounted_app
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.fits_files import make_fits, source_table
from tests.support.lco import Lco
from tests.support.serving import Served, served

NASTY = [
    "", " ", "0", "-1", "1.5", "nan", "inf", "1e999", "9" * 25, "9" * 5000, "true", "None", "ALL",
    "x", "é", "\u202e", "\uff11", "'", '"', "%", "_", "\\", "'; DROP TABLE frames; --", "../../etc",
    "{}", "[]", "[0]", "2026-11-19", "2026-02-30", "0000-00-00", "9999-12-31T23:59:59-14:00",
    "POINT(5 5)", "POINT(999 999)", "POLYGON((0 0, 1 1, 0 0))", "BIAS", "-id", "id,id,-id", ",",
    "cursor", "csv", "votable", "parquet", "W10", "header.X", "a" * 3000, "\t\r\n", "\U0001f52d",
]  # fmt: skip

FEW = ["-1", "nan", "9" * 25, "x\u202e", "2026-02-30", "POINT(999 999)", "'; DROP TABLE x"]
"""Garbage for each parameter alone."""

VALUES = st.sampled_from(NASTY) | st.text(max_size=20) | st.integers().map(str)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=6,
)


@dataclass(frozen=True)
class Operation:
    """An operation of the OpenAPI document of a mount."""

    prefix: str
    method: str
    path: str
    parameters: tuple[str, ...]

    @override
    def __repr__(self) -> str:
        return f"{self.method} {self.prefix}{self.path}"


def operations() -> list[Operation]:
    """List every operation of every mount."""
    root = create_app(settings_in(Path("/nowhere")))
    apps: list[tuple[str, FastAPI]] = [("", root)]
    apps += [(dialect.prefix, mounted_app(dialect, root)) for dialect in DIALECTS]
    found = [
        Operation(prefix, method.upper(), path, _names(operation))
        for prefix, app in apps
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(found) > 40
    return found


def _names(operation: dict[str, Any]) -> tuple[str, ...]:
    parameters = operation.get("parameters", ())
    return tuple(each["name"] for each in parameters if each["in"] == "query")


class Fuzzed:
    """A served archive that is asked from outside of its event loop.

    Parameters
    ----------
    folder
        Of the archive.
    database_url
        Of a database that is not written.
    offload
        Child processes.
    """

    def __init__(self, folder: Path, database_url: str, offload: Offload) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.tokens: list[str | None] = [None, "0" * 40]
        self.frame_id = 0
        self.folder = folder
        self._runner.run(self._open(database_url, offload))

    async def _open(self, database_url: str, offload: Offload) -> None:
        """Open an archive in a transaction that is rolled back, with a frame and users."""
        engine = create_async_engine(database_url, poolclass=NullPool)
        connection = await self._stack.enter_async_context(engine.connect())
        outer = await connection.begin()
        self._stack.push_async_callback(outer.rollback)
        sessions = async_sessionmaker(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        )
        wanted = settings_in(self.folder, log_level="debug")
        archive = an_archive(wanted, sessions, engine, offload, lambda: NOW)
        self.api: Served = await self._stack.enter_async_context(served(archive))
        content = make_fits(self.folder / "a.fits", hdus=[source_table()]).read_bytes()
        made = await Lco(self.api).a_file("night", content, has_catalog=True)
        self.frame_id = made.id
        self.tokens.append(await self.api.a_user("eva", proposals=("P",)))
        self.tokens.append(await self.api.a_user("root", is_superuser=True))

    def ask(self, method: str, url: str, **parts: Any) -> httpx.Response:  # noqa: ANN401  # of httpx
        """Send a request and wait for the answer."""
        return self._runner.run(self.api.client.request(method, url, **parts))

    def close(self) -> None:
        """Close everything."""
        self._runner.run(self._stack.aclose())
        self._runner.close()


@pytest.fixture
def fuzzed(tmp_path: Path, database_url: str, offload: Offload) -> Iterator[Fuzzed]:
    made = Fuzzed(tmp_path, database_url, offload)
    yield made
    made.close()


def check(answer: httpx.Response, folder: Path) -> None:
    """Demand an answer that a dialect would give."""
    shown = f"{answer.status_code} {answer.request.method} {answer.request.url} {answer.text[:300]}"
    assert answer.status_code < 500, shown
    assert answer.status_code != 422, shown
    assert not 300 <= answer.status_code < 400 or answer.status_code == 304, shown
    outer = {name: value for name, value in answer.headers.items() if name != "location"}
    for place in (str(folder), str(Path.cwd()), "site-packages"):
        assert place.encode() not in answer.content, shown
        assert place not in str(outer), shown


OPERATIONS = operations()
UNSAFE = ("create", "revoke", "logout", "login", "api-token-auth")


def test_shr_8_garbage_in_every_parameter(
    fuzzed: Fuzzed, capsys: pytest.CaptureFixture[str]
) -> None:
    reads = [each for each in OPERATIONS if each.method == "GET"]

    @settings(
        max_examples=400,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        operation = data.draw(st.sampled_from(reads))
        names = st.sampled_from([*operation.parameters, "unknown", "header.AIRMASS__lt", "start"])
        query = data.draw(st.lists(st.tuples(names, VALUES), max_size=5))
        number = data.draw(st.just(str(fuzzed.frame_id)) | st.sampled_from(["x", "0", "9" * 25]))
        path = operation.path
        for name in ("frame_id", "arrival_id", "version_id", "thumbnail_id", "name"):
            path = path.replace(f"{{{name}}}", number)
        token = data.draw(st.sampled_from(fuzzed.tokens))
        headers = {} if token is None else {"Authorization": f"Token {token}"}
        url = httpx.URL(f"{operation.prefix}{path}", params=query)
        check(fuzzed.ask("GET", str(url), headers=headers), fuzzed.folder)

    ask()
    check_log(capsys, fuzzed.folder)


def test_shr_8_each_parameter_alone(fuzzed: Fuzzed, capsys: pytest.CaptureFixture[str]) -> None:
    lists = ("/frames/", "/versions/", "/thumbnails/", "/ingest/", "/archive/aggregate/")
    token = {"Authorization": f"Token {fuzzed.tokens[-1]}"}
    for operation in OPERATIONS:
        url = f"{operation.prefix}{operation.path}"
        if operation.method == "GET" and url.endswith(lists):
            for name in operation.parameters:
                for value in FEW:
                    asked = httpx.URL(url, params={name: value})
                    answer = fuzzed.ask("GET", str(asked), headers=token)
                    check(answer, fuzzed.folder)
    check_log(capsys, fuzzed.folder)


def test_shr_8_garbage_in_bodies(fuzzed: Fuzzed, capsys: pytest.CaptureFixture[str]) -> None:
    writes = [
        each
        for each in OPERATIONS
        if each.method == "POST" and not any(word in each.path for word in UNSAFE)
    ]

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(writes), JSON, st.sampled_from(["json", "text", "form"]))
    def send(operation: Operation, body: Any, kind: str) -> None:  # noqa: ANN401  # of JSON
        headers = {"Authorization": f"Token {fuzzed.tokens[-1]}"}
        url = operation.prefix + operation.path.replace("{arrival_id}", "7")
        content = repr(body).replace("nan", "null").encode("utf-8", "replace")
        types = {"json": "application/json", "text": "text/plain"}
        types["form"] = "application/x-www-form-urlencoded"
        headers["Content-Type"] = types[kind]
        check(fuzzed.ask("POST", url, headers=headers, content=content), fuzzed.folder)
        wish = {"frame_ids": body, "basename": body, "version_set": body, "headers": body}
        try:
            answer = fuzzed.ask("POST", url, headers=headers | {"Content-Type": ""}, json=wish)
        except ValueError:  # JSON has no word for what is not finite
            return
        check(answer, fuzzed.folder)

    send()
    check_log(capsys, fuzzed.folder)


def test_shr_8_other_methods(fuzzed: Fuzzed) -> None:
    for operation in OPERATIONS:
        path = operation.prefix + operation.path.replace("{frame_id}", str(fuzzed.frame_id))
        url = path.replace("{arrival_id}", "7").replace("{name}", "night")
        allowed = {
            each.method
            for each in OPERATIONS
            if (each.prefix, each.path) == (operation.prefix, operation.path)
        }
        named = {"GET"} if operation.prefix == "/thumbnails" else set()  # any word may be a name
        for method in {"PUT", "PATCH", "DELETE", "POST"} - allowed:
            answer = fuzzed.ask(method, url)
            assert answer.status_code in {404, 405}, (method, url, answer.text)
            if answer.status_code == 405:
                assert set(answer.headers["allow"].split(", ")) - {"HEAD"} == allowed | named


def check_log(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """Demand that no path of the server was logged."""
    logged = capsys.readouterr()
    assert "request_id" in logged.out
    for place in (str(folder), str(Path.cwd())):
        assert place not in logged.out + logged.err
