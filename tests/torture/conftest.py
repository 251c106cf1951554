"""What the torture tests share: length, seed, and a report of what they counted."""

import json
import random
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_HERE = Path(__file__).parent
_LONGEST_S = 6 * 3600

Report = Callable[..., None]
"""Takes what a test counted, as keyword arguments."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let long runs take their time."""
    if config.getoption("--long"):
        for item in items:
            if item.path.is_relative_to(_HERE):
                item.add_marker(pytest.mark.timeout(_LONGEST_S), append=False)


@pytest.fixture
def chance(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> random.Random:
    """Give random numbers, whose seed is printed."""
    given = request.config.getoption("--seed")
    seed = secrets.randbits(32) if given is None else given
    with capsys.disabled():
        print(f"\n{request.node.name}: --seed {seed}", flush=True)  # noqa: T201  # for a person
    return random.Random(seed)  # noqa: S311  # to be repeated, not to be secret


@pytest.fixture
def report(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Report:
    """Give a way to tell what was counted: one line, and JSON in the file of `--report`."""

    def tell(**counted: Any) -> None:  # noqa: ANN401  # whatever JSON can carry
        file = request.config.getoption("--report") or tmp_path / "report.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(known | {request.node.name: counted}, indent=2) + "\n")
        line = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in counted.items())
        with capsys.disabled():
            print(f"\n{request.node.name}: {line}", flush=True)  # noqa: T201  # for a person

    return tell
