"""``python -m tests.torture.fuzzing TARGET --seconds N``: fuzz one target, or ``all``."""

import argparse
import sys
from pathlib import Path

from tests.torture.fuzzing.engine import TARGET_NAMES, fuzz


def main() -> int:
    """Fuzz; 1 if there was a fault."""
    arguments = _parser().parse_args()
    if arguments.engine:
        fuzz(arguments.target, arguments.corpus, arguments.report, arguments.seconds)
    # Not above: what the engine instruments must not be imported before.
    from tests.torture.fuzzing.campaign import fuzz_targets  # noqa: PLC0415

    names = TARGET_NAMES if arguments.target == "all" else (arguments.target,)
    results = fuzz_targets(names, arguments.seconds, arguments.corpus, arguments.report)
    return 1 if any(result.faults for result in results) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.torture.fuzzing", description=__doc__)
    parser.add_argument("target", choices=[*TARGET_NAMES, "all"])
    parser.add_argument("--seconds", type=int, default=600, help="of each target")
    parser.add_argument("--corpus", type=Path, default=Path("fuzz"), help="folder for inputs")
    parser.add_argument("--report", type=Path, default=Path("fuzz.json"), help="JSON file")
    parser.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
