"""Errors as pyobs-archive words them: ``{"detail": …}``, and a text of its own for parameters."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import Response
from typing_extensions import override

from app.api.problem_forms import Problem, write_detail
from app.core.errors import InvalidError

_WINDOW: Final = frozenset({"offset", "limit"})
_WITH_FIELDS: Final = ("about:blank", ":wrong-credentials")
"""Kinds of problems with fields of a body, which are told by field."""


class InvalidParameterError(InvalidError):
    """A parameter of the query string cannot be read (PYO-11, PYO-12).

    Parameters
    ----------
    name
        Of the parameter.
    """

    title = "Invalid parameter"

    def __init__(self, name: str) -> None:
        wrong = "Invalid values for offset/limit." if name in _WINDOW else None
        super().__init__(wrong or f"Invalid value for {name}.", field=name)


class StrictRoute(APIRoute):
    """A route that words bad parameters as pyobs-archive does."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give what answers a request.

        Returns
        -------
        Callable
            The handler of FastAPI, with its errors of the query string reworded.
        """
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                for found in error.errors():
                    place, *steps = found["loc"]
                    if place == "query":
                        raise InvalidParameterError(str(steps[0])) from error
                raise

        return strict


def write_pyobs(problem: Problem) -> Response:
    """Write ``{"detail": …}``; the texts by field only for fields of a body.

    Parameters
    ----------
    problem
        What went wrong.

    Returns
    -------
    Response
        The answer.
    """
    is_told_by_field = problem.kind.endswith(_WITH_FIELDS)
    return write_detail(problem if is_told_by_field else replace(problem, errors={}))
