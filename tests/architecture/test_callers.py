"""Every operation of the OpenAPI document names its caller, its errors and its area."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from app.main import DIALECTS, create_app, mounted_app
from tests.support.archive import settings_in

CALLERS = {"anybody", "reader", "user", "staff", "superuser"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return create_app(settings_in(tmp_path_factory.mktemp("archive")))


@pytest.fixture(scope="module", params=["", *(dialect.name for dialect in DIALECTS)])
def document(root: FastAPI, request: pytest.FixtureRequest) -> dict[str, Any]:
    if not request.param:
        return root.openapi()
    dialect = next(each for each in DIALECTS if each.name == request.param)
    return mounted_app(dialect, root).openapi()


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert len(found) > 1
    return found


def test_every_operation_names_its_caller(document: dict[str, Any]) -> None:
    callers = {name: each.get("x-caller") for name, each in operations(document).items()}
    assert {name: caller for name, caller in callers.items() if caller not in CALLERS} == {}


def test_some_callers(root: FastAPI) -> None:
    callers = {name: each["x-caller"] for name, each in operations(root.openapi()).items()}
    assert set(callers.values()) >= {"anybody", "reader", "staff"}
    assert callers["POST /frames/create/"] == "staff"
    assert callers["GET /ingest/"] == "staff"
    assert callers["GET /frames/"] == "reader"


def test_every_operation_says_what_it_does_and_how_it_fails(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        assert operation.get("summary"), name
        assert operation.get("tags"), name
        assert "422" not in operation["responses"], name
        if operation["x-caller"] != "anybody":
            assert {"401", "429"} <= set(operation["responses"]), name


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert set(document["components"]["securitySchemes"]) == {"Token", "Bearer"}


def test_paths_end_in_a_slash(document: dict[str, Any]) -> None:
    assert [path for path in document["paths"] if not path.endswith("/")] == []


def test_nothing_of_this_machine_is_in_the_document(document: dict[str, Any]) -> None:
    assert str(Path.cwd()) not in str(document)
