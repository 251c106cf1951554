"""``skyshelf up``: PostgreSQL, migrations, API and worker as one process tree in the foreground."""

from .children import Child, Pace
from .tree import Plan, run, up

__all__ = ["Child", "Pace", "Plan", "run", "up"]
