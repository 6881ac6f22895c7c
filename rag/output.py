"""What the command line writes: lines and JSON on stdout, remarks on stderr."""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import Any

from rag.errors import SituateError
from rag.redaction import blotted, blotted_all


def say(line: str = "") -> None:
    """A line on stdout. Control characters, which would move a terminal's cursor or colour it, are shown as escapes."""
    _write("".join(repr(c)[1:-1] if unicodedata.category(c) == "Cc" else c for c in blotted(line)))


def _write(line: str) -> None:
    try:
        print(line, flush=True)  # noqa: T201 - the command's own output
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SituateError(f"The output cannot be written: {error.strerror}.") from error


def note(text: str) -> None:
    print(f"situate: {blotted(text)}", file=sys.stderr)  # noqa: T201 - a person is told, on stderr


def dump(value: Any) -> None:
    _write(json.dumps(blotted_all(value), ensure_ascii=False))


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
