"""Every operation of every OpenAPI document, asked by everybody."""

import pytest

from app.main import DIALECTS
from tests.support.hostile_world import World
from tests.support.live_api import LiveApi
from tests.support.schema_walk import Walk

MOUNTS = ("", *(dialect.prefix for dialect in DIALECTS))
FEW, MANY = 1, 60
"""How often each operation is asked with what fits its schema, and with what does not, by each of
nobody, a user, staff and a superuser; the second one with ``--long``."""


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("mount", MOUNTS)
def test_answers_are_what_the_document_says(
    live: LiveApi, world: World, mount: str, *, is_long: bool
) -> None:
    walk = Walk(live, world, mount, MANY if is_long else FEW)
    walk.go()
    assert not walk.flaws, "\n\n".join(f"{where}\n{what}" for where, what in walk.flaws.items())
    print(f"{mount or '/'}: {walk.asked.total()} requests to {len(walk.asked)} operations")  # noqa: T201  # the figure of the long run
    assert len(walk.asked) >= {"": 25, "/pyobs": 14, "/archive": 20}.get(mount, 2)
