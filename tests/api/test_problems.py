"""Every error is a problem document, and the OpenAPI document says so."""

import enum
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter, Body, FastAPI, Form, Path, Query
from pydantic import BaseModel, Field
from structlog.testing import capture_logs

from app.api.problem_docs import customise_openapi, problem_responses
from app.api.problem_forms import Problem, ProblemOut, write_document
from app.api.problems import (
    STATUSES,
    install_problem_handlers,
    status_for,
)
from app.api.validation import Given, Text, UtcDatetime
from app.core import errors
from app.core.errors import ArchiveError, InvalidError, NotFoundError, UnavailableError


class LostPlateError(NotFoundError):
    title = "Plate lost"


class Kind(enum.StrEnum):
    PNG = "png"
    JPEG = "jpeg"


class Filters(BaseModel):
    EXPTIME: Given[float] = None
    start: Given[UtcDatetime] = None
    status: Given[int] = None
    basename: Given[Text] = None


class Order(BaseModel):
    frame_ids: list[int]
    title: Annotated[str, Field(min_length=1, max_length=5)] = "x"
    password: Annotated[str, Field(max_length=3)] = ""


def make_app(raised: Exception | None = None) -> FastAPI:
    app = FastAPI()

    @app.get("/raise/")
    async def fail() -> None:
        assert raised is not None
        raise raised

    @app.get("/frames/", responses=problem_responses(401))
    async def frames(filters: Annotated[Filters, Query()]) -> dict[str, str]:
        return {"start": str(filters.start)}

    @app.get("/frames/{frame_id}/")
    async def frame(frame_id: Annotated[int, Path(le=2**63 - 1)]) -> int:
        return frame_id

    @app.get("/preview/")
    async def preview(
        width: Annotated[int, Query(ge=1, le=4096)],
        kind: Kind = Kind.PNG,
        stretch: Literal["log", "linear"] = "log",
    ) -> str:
        return f"{width} {kind} {stretch}"

    @app.post("/orders/")
    async def order(order: Annotated[Order, Body()]) -> list[int]:
        return order.frame_ids

    @app.post("/login/")
    async def login(username: Annotated[str, Form()], password: Annotated[str, Form()]) -> str:
        return username + password

    @app.get("/plain/")
    async def plain() -> None:
        return None

    install_problem_handlers(app)
    customise_openapi(app)
    return app


def client_of(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://archive.test")


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_app()) as client:
        yield client


def problem(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    ProblemOut.model_validate(document)
    assert document["status"] == response.status_code
    return document


def families() -> set[type[ArchiveError]]:
    return {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, ArchiveError) and kind is not ArchiveError
    }


def test_every_family_stands_in_the_table() -> None:
    assert families() == set(STATUSES)
    assert len(STATUSES) >= 7


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("NotFoundError", 404),
        ("ConflictError", 409),
        ("InvalidError", 400),
        ("TooLargeError", 413),
        ("DeniedError", 403),
        ("UnauthenticatedError", 401),
        ("UnavailableError", 503),
        ("ArchiveError", 500),
    ],
)
def test_statuses(name: str, status: int) -> None:
    assert status_for(getattr(errors, name)) == status


@pytest.mark.asyncio
async def test_subclass_inherits_the_status() -> None:
    async with client_of(make_app(LostPlateError("plate 7 is lost"))) as client:
        document = problem(await client.get("/raise/"))
    assert document == {
        "type": "urn:skyshelf:problem:lost-plate",
        "title": "Plate lost",
        "status": 404,
        "detail": "plate 7 is lost",
    }


@pytest.mark.asyncio
async def test_field_of_an_invalid_value() -> None:
    async with client_of(make_app(InvalidError("no such site", field="SITEID"))) as client:
        document = problem(await client.get("/raise/"))
    assert document["SITEID"] == ["no such site"]
    assert document["errors"] == {"SITEID": ["no such site"]}
    assert document["status"] == 400


@pytest.mark.asyncio
async def test_field_with_the_name_of_a_member() -> None:
    async with client_of(make_app(InvalidError("bad", field="title"))) as client:
        document = problem(await client.get("/raise/"))
    assert document["title"] == "Invalid value"
    assert document["errors"] == {"title": ["bad"]}


@pytest.mark.asyncio
async def test_headers_of_families() -> None:
    async with client_of(make_app(UnavailableError("away", retry_after_s=2.1))) as client:
        assert (await client.get("/raise/")).headers["retry-after"] == "3"
    async with client_of(make_app(errors.UnauthenticatedError("who?"))) as client:
        assert (await client.get("/raise/")).headers["www-authenticate"] == "Token"


@pytest.mark.asyncio
async def test_unforeseen_error_tells_nothing_but_is_logged() -> None:
    async with client_of(make_app(ZeroDivisionError("/etc/secret"))) as client:
        with capture_logs() as logs:
            response = await client.get("/raise/")
    assert problem(response)["status"] == 500
    assert "secret" not in response.text
    assert isinstance(logs[0]["exc_info"], ZeroDivisionError)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("url", "name", "text"),
    [
        ("/frames/?EXPTIME=long", "EXPTIME", "Enter a number."),
        ("/frames/?start=yesterday", "start", "Enter a valid date/time."),
        ("/frames/?basename=%00", "basename", "Null characters are not allowed."),
        ("/preview/", "width", "This field is required."),
        ("/preview/?width=x", "width", "A valid integer is required."),
        ("/preview/?width=1.5", "width", "A valid integer is required."),
        (
            f"/preview/?width={'9' * 5000}",
            "width",
            "A valid integer is required.",
        ),
        (
            "/preview/?width=0",
            "width",
            "Ensure this value is greater than or equal to 1.",
        ),
        (
            "/preview/?width=5000",
            "width",
            "Ensure this value is less than or equal to 4096.",
        ),
        (
            "/preview/?width=1&kind=bmp",
            "kind",
            "Select a valid choice. bmp is not one of the available choices.",
        ),
        (
            "/preview/?width=1&stretch=a{b}",
            "stretch",
            "Select a valid choice. a{b} is not one of the available choices.",
        ),
    ],
)
async def test_bad_parameter(client: httpx.AsyncClient, url: str, name: str, text: str) -> None:
    response = await client.get(url)
    document = problem(response)
    assert response.status_code == 400
    assert document["errors"] == {name: [text]}
    assert document[name] == [text]
    assert document["detail"].startswith(name)


@pytest.mark.asyncio
async def test_detail_names_parameter_value_and_what_is_allowed(client: httpx.AsyncClient) -> None:
    response = await client.get("/preview/", params={"width": 9999, "kind": "b" * 300})
    detail = problem(response)["detail"]
    assert "width is '9999'; allowed is a number of at most 4096." in detail
    assert f"kind is '{'b' * 100}'…; allowed is 'png' or 'jpeg'." in detail


@pytest.mark.asyncio
async def test_parameter_with_the_name_of_a_member(client: httpx.AsyncClient) -> None:
    document = problem(await client.get("/frames/?status=x"))
    assert document["status"] == 400
    assert document["errors"] == {"status": ["A valid integer is required."]}


@pytest.mark.asyncio
@pytest.mark.parametrize("frame_id", ["x", "1e3", "9" * 19, "%C3%BC"])
async def test_path_that_cannot_be_is_not_found(client: httpx.AsyncClient, frame_id: str) -> None:
    response = await client.get(f"/frames/{frame_id}/")
    assert response.status_code == 404
    assert problem(response)["detail"].startswith("Not found. frame_id is ")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "errors_by_name"),
    [
        ({}, {"frame_ids": ["This field is required."]}),
        ({"frame_ids": None}, {"frame_ids": ["This field may not be null."]}),
        ({"frame_ids": "x"}, {"frame_ids": ['Expected a list of items but got type "str".']}),
        ({"frame_ids": ["x", "y"]}, {"frame_ids": ["A valid integer is required."]}),
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
        (
            {"frame_ids": [], "title": "too long"},
            {"title": ["Ensure this field has no more than 5 characters."]},
        ),
        ({"frame_ids": [], "title": ""}, {"title": ["This field may not be blank."]}),
    ],
)
async def test_bad_body(
    client: httpx.AsyncClient, body: object, errors_by_name: dict[str, list[str]]
) -> None:
    response = await client.post("/orders/", json=body)
    assert response.status_code == 400
    assert problem(response)["errors"] == errors_by_name


@pytest.mark.asyncio
async def test_secrets_do_not_come_back(client: httpx.AsyncClient) -> None:
    response = await client.post("/orders/", json={"frame_ids": [1], "password": "hunter2"})
    assert response.status_code == 400
    assert "hunter2" not in response.text
    response = await client.post("/login/", data={"password": "hunter2"})
    assert problem(response)["errors"] == {"username": ["This field is required."]}
    assert "hunter2" not in response.text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"\xff\xfe{}", b"[" * 100_000, b'{"frame_ids": NaN}', b'{"frame_ids": "\\ud800"}'],
)
async def test_body_that_is_no_json(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post(
        "/orders/", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code == 400
    problem(response)
    if body in {b"{", b"\xff\xfe{}"} or len(body) > 1000:
        assert problem(response)["detail"].startswith("JSON parse error - ")


@pytest.mark.asyncio
async def test_half_a_surrogate_comes_back_escaped(client: httpx.AsyncClient) -> None:
    body = b'{"frame_ids": [], "title": "longer \\ud800"}'
    response = await client.post(
        "/orders/", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code == 400
    problem(response)


def test_surrogates_are_encoded_as_json() -> None:
    body = bytes(write_document(Problem(400, "\ud800")).body)
    assert json.loads(body)["detail"] == "\ud800"


@pytest.mark.asyncio
async def test_framework_errors(client: httpx.AsyncClient) -> None:
    assert problem(await client.get("/nowhere"))["detail"] == "Not found."
    response = await client.put("/orders/")
    assert problem(response)["detail"] == 'Method "PUT" not allowed.'
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    response = await client.post("/orders/", content=b"<a/>", headers={"content-type": "text/xml"})
    assert response.status_code == 415
    assert problem(response)["detail"] == 'Unsupported media type "text/xml" in request.'


@pytest.mark.asyncio
@pytest.mark.parametrize("prefix", ["", "/pyobs"])
async def test_all_methods_of_a_path_are_allowed(prefix: str) -> None:
    app = FastAPI()
    router = APIRouter(prefix=prefix)

    @router.head("/frames/{frame_id}/", include_in_schema=False)
    @router.get("/frames/{frame_id}/")
    async def read(frame_id: int) -> int:
        return frame_id

    @router.delete("/frames/{frame_id}/")
    async def remove(frame_id: int) -> int:
        return frame_id

    app.include_router(router)
    install_problem_handlers(app)
    async with client_of(app) as client:
        assert (await client.head(f"{prefix}/frames/7/")).status_code == 200
        response = await client.put(f"{prefix}/frames/7/")
    assert response.status_code == 405
    assert response.headers["allow"] == "DELETE, GET, HEAD"
    assert app.openapi()["paths"][f"{prefix}/frames/{{frame_id}}/"].keys() == {"get", "delete"}


def test_openapi_has_no_422_and_documents_400() -> None:
    document = make_app().openapi()
    assert document["openapi"].startswith("3.1")
    assert "422" not in json.dumps(document)
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["components"]["schemas"]["ProblemOut"]["properties"]["detail"]
    operations = [item for path in document["paths"].values() for item in path.values()]
    assert len(operations) == 7
    for operation in operations:
        takes_input = "parameters" in operation or "requestBody" in operation
        assert ("400" in operation["responses"]) == takes_input
    content = document["paths"]["/frames/"]["get"]["responses"]["401"]["content"]
    reference = content["application/problem+json"]["schema"]["$ref"]
    assert reference == "#/components/schemas/ProblemOut"
    assert make_app().openapi() == make_app().openapi()
