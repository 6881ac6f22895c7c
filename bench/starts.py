"""Situate started on machines full of traps, each trap set for real: what became of it.

    python -m bench.starts [--only WORD...] [--json OUT]

Prints a table, trap by outcome; exits with 1 when one went wrong. As root it makes a plain user for its duration, mounts small file systems
in its own folders, and starts with a read-only root in a namespace of its own; without root those traps are skipped, with the reason. The
interpreter must lie where a plain user reaches it (not below /root).
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import start_deaths, start_places
from bench.started import Ground, SkippedError, forget_plain_user, ground


@dataclass(frozen=True, kw_only=True)
class Outcome:
    trap: str
    outcome: str
    state: str  # passed, skipped or failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="traps whose names hold one of these words")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is stopped
    outcomes = []
    print("| trap | outcome |\n|---|---|")
    try:
        for trap in (*start_deaths.TRAPS, *start_places.TRAPS):
            if not any(word in trap.__name__ for word in arguments.only):
                continue
            outcomes.append(_outcome(trap))
            print(f"| {outcomes[-1].trap} | {outcomes[-1].outcome} |", flush=True)
    finally:
        forget_plain_user()
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(one) for one in outcomes], ensure_ascii=False, indent=1) + "\n", "utf-8")
    return any(one.state == "failed" for one in outcomes)


def _outcome(trap: Callable[[Ground], str]) -> Outcome:
    name = " ".join((trap.__doc__ or trap.__name__).split())
    try:
        with ground() as made:
            return Outcome(trap=name, outcome=trap(made), state="passed")
    except SkippedError as reason:
        return Outcome(trap=name, outcome=f"skipped: {reason}", state="skipped")
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is this trap's outcome, and the others are still to be tried
        traceback.print_exc(file=sys.stderr)
        return Outcome(trap=name, outcome=f"**failed**: {' '.join(str(error).split()) or type(error).__name__}", state="failed")


if __name__ == "__main__":
    sys.exit(main())
