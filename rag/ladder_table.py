"""The ladder as lines of text, and a run's progress on the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from rag.ladder import Ladder, Rung, difference
from rag.metrics import interval
from rag.output import count, note

PACE = 0.2  # seconds between two looks of a line that is written over


def lines(ladder: Ladder) -> list[str]:
    """The set, a row for each rung, and what each step of the ladder gained. Fractions are shown as percentages."""
    told = [
        f"{ladder.set}: {count(len(ladder.questions), 'question')}, {count(ladder.documents, 'document')}, {count(ladder.chunks, 'passage')}"
    ]
    told += [f"{count(ladder.without_gold, 'question')} without an answer in the set left out"] * bool(ladder.without_gold)
    told += [f"{count(ladder.unreachable, 'answer')} in no passage, counted as missed"] * bool(ladder.unreachable)
    told += [f"not readable: {name}" for name in ladder.unreadable]
    told += [", ".join(f"{kind} {name}" for kind, name in ladder.models.items()), "", *rows(ladder), ""]
    told.append(f"{ladder.headline}: what each step gains, with the 95 % interval of the paired differences")
    told += [_step(before, after, ladder.headline) for before, after in ladder.steps()]
    return told + [f"note: {note_}" for note_ in ladder.notes]


def rows(ladder: Ladder) -> list[str]:
    """A heading, and a row for each rung."""
    if not ladder.rungs:
        return []
    values = [rung.values() for rung in ladder.rungs]
    names = list(values[0])
    told = [
        f"{'context':11}{'stage':10}"
        + "".join(f"{_column(name):>11}" for name in names)
        + f"{'95 % of ' + _column(ladder.headline):>22}{'s':>8}"
    ]
    for rung, found in zip(ladder.rungs, values, strict=True):
        low, high = interval(found[ladder.headline])
        told.append(
            f"{rung.context.value:11}{rung.stage.value:10}"
            + "".join(f"{100 * found[name].mean():11.1f}" for name in names)
            + f"{f'{100 * low:.1f} to {100 * high:.1f}':>22}{rung.seconds:8.3f}"
        )
    return told


def _column(name: str) -> str:
    return name.replace("page hit", "page")


def _step(before: Rung, after: Rung, metric: str) -> str:
    found = difference(before, after, metric)
    steps: Sequence[str] = [f"{rung.stage.value} ({rung.context.value})" for rung in (before, after)]
    return f"{steps[0]:22} -> {steps[1]:22}{100 * found.mean:+7.1f}  [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"


class Progress:
    """One line on stderr: written over in a terminal, one a step elsewhere."""

    def __init__(self) -> None:
        self._step = ""
        self._last = 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        began = step != self._step
        self._step = step
        if not sys.stderr.isatty():
            if began:
                note(f"{step} ({total:,})")
            return
        now = time.monotonic()
        if began or done >= total or now - self._last >= PACE:
            self._last = now
            print(f"\r\x1b[K{step}  {done:,} of {total:,}", end="", file=sys.stderr, flush=True)  # noqa: T201 - a person is told, on stderr

    def end(self) -> None:
        """Leave the line as it is; what follows begins a new one."""
        if self._step and sys.stderr.isatty():
            print(file=sys.stderr)  # noqa: T201 - the same line
