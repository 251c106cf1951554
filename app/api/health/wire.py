"""Shapes of the health area."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class HealthOut(BaseModel):
    """What a monitor wants to know."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: Literal["ok"] = "ok"
    """Always `ok`; a service that is not ready answers with a problem document: 503 where the
    database is away, 409 where it is at another revision."""
