"""Whether the service is ready, with all that stands in the way."""

from typing import Literal

from fastapi import Request
from fastapi.responses import Response

from app.api.health.wire import CheckOut, ReadyOut, checks_of
from app.api.problem_forms import Problem, refuse
from app.context import Factory
from app.core.errors import UnavailableError
from app.db.pulse import SilentDatabaseError
from app.storage.volumes import are_ready

_AGAIN_S = 5


async def judge(request: Request, services: Factory) -> Response | ReadyOut:
    """Look at the database and at the volumes, none of which is waited for longer than seconds.

    Parameters
    ----------
    request
        Tells the form of problems.
    services
        Of the process.

    Returns
    -------
    Response or ReadyOut
        A problem where something is in the way.

    Raises
    ------
    WrongRevisionError
        If the database is at another revision.
    """  # the pulse raises it
    reports = await services.volumes.reports()
    database = await _database(services)
    checks = [database, *checks_of(reports)]
    if database.state == "ok" and are_ready(reports):
        return ReadyOut(checks=checks)
    wrong = [check.detail for check in checks if check.state != "ok"]
    problem = Problem(
        503,
        "; ".join(wrong),
        title="Not ready",
        kind="urn:skyshelf:problem:not-ready",
        headers={"Retry-After": str(_AGAIN_S)},
        extra={"checks": [check.model_dump() for check in checks]},
    )
    return refuse(request.scope, problem)


async def _database(services: Factory) -> CheckOut:
    """Ask the database by a connection that no other request uses."""
    try:
        await services.pulse.check()
    except UnavailableError as error:
        is_silent = isinstance(error, SilentDatabaseError)
        state: Literal["silent", "refused"] = "silent" if is_silent else "refused"
        return CheckOut(name="database", state=state, detail=error.message)
    return CheckOut(name="database", state="ok", detail="it answers")
