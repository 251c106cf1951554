"""The targets of the fuzzer on made files with made changes: the same ones in every run."""

import pytest

from app.core.offload import CrashedError, Offload, Task
from tests.torture.fuzzing.campaign import Result
from tests.torture.fuzzing.engine import TARGET_NAMES
from tests.torture.fuzzing.mutations import mutated
from tests.torture.fuzzing.seeds import made_seeds
from tests.torture.fuzzing.targets import TARGETS, run

pytestmark = pytest.mark.asyncio

TRY: Task[[str, bytes], None] = Task("tests.torture.fuzzing.targets:run")
CHANGES = {"header": 40, "metadata": 40, "footprint": 15, "template": 25}
"""Target in Python alone → changes of each seed."""
CHANGES_IN_A_CHILD = {"preview": 2, "pack": 4}
"""Target that calls cfitsio → changes of each seed."""


@pytest.mark.parametrize("target", CHANGES)
async def test_changed_files_give_a_value_or_an_error_of_the_archive(target: str) -> None:
    for place, seed in enumerate(made_seeds()):
        for change in range(CHANGES[target]):
            data = mutated(seed, 1000 * place + change)
            try:
                run(target, data)
            except Exception as error:
                error.add_note(f"seed {place}, change {1000 * place + change}")
                raise


@pytest.mark.parametrize("target", CHANGES_IN_A_CHILD)
async def test_changed_files_in_a_child(offload: Offload, target: str) -> None:
    """A crash in C costs the call; anything else is a fault."""
    for place, seed in enumerate(made_seeds()):
        for change in range(CHANGES_IN_A_CHILD[target]):
            data = mutated(seed, 1000 * place + change)
            try:
                await offload.call(TRY, target, data)
            except CrashedError:
                continue
            except Exception as error:
                error.add_note(f"seed {place}, change {1000 * place + change}")
                raise


async def test_the_same_seed_makes_the_same_change() -> None:
    data = made_seeds()[0]
    assert mutated(data, 7) == mutated(data, 7)
    assert len({mutated(data, seed) for seed in range(50)}) > 40


async def test_targets_are_those_of_the_command() -> None:
    assert tuple(TARGETS) == TARGET_NAMES
    assert Result("header", 1, 2, 3, 4, (), ()).faults == ()
