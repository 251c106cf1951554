"""Errors as the LCO archive writes them: ``{"detail"}``, texts by field, and a few odd ones."""

from starlette.responses import Response

from app.api.problem_forms import LenientJSON, Problem, write_detail


def write_archive(problem: Problem) -> Response:
    """Write a problem.

    Parameters
    ----------
    problem
        What went wrong.

    Returns
    -------
    Response
        A list of one text for a geometry (ARC-33), a text for the range of an aggregate (ARC-52),
        nothing for a zip of nothing (ARC-62), else as Django REST framework does.
    """
    match problem.kind.rpartition(":")[2]:
        case "invalid-geometry":
            return LenientJSON([problem.detail], problem.status, problem.headers)
        case "aggregate-range":
            return LenientJSON(problem.detail, problem.status, problem.headers)
        case "nothing-visible":
            return Response(status_code=problem.status, headers=problem.headers)
        case _:
            return write_detail(problem)
