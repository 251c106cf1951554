"""Shapes of the health area."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from app.storage.volumes import VolumeReport


class HealthOut(BaseModel):
    """What a monitor wants to know."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: Literal["ok"] = "ok"
    """Always `ok`; a service that is not ready answers with a problem document: 503 where the
    database or a disk is away, 409 where the database is at another revision."""


class CheckOut(BaseModel):
    """How one thing is that the service needs."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    """`database`, or a volume: `archive`, `spool`, `quarantine`, `inbox`, `previews`,
    `database disk`."""

    state: Literal["ok", "low", "full", "refused", "silent"]
    """`low`: less is free than shall always be. `refused`: read-only, not permitted, broken or
    away. `silent`: it does not answer."""

    detail: str
    """The same for a person."""


class ReadyOut(HealthOut):
    """The service is ready."""

    checks: list[CheckOut]
    """Everything that was looked at. The service is ready although `previews` may be in trouble."""


def checks_of(reports: list[VolumeReport]) -> list[CheckOut]:
    """Write how the volumes are.

    Parameters
    ----------
    reports
        Of all volumes.

    Returns
    -------
    list of CheckOut
        In the same order.
    """
    return [
        CheckOut(name=one.volume.name, state=one.state.value, detail=one.detail) for one in reports
    ]
