"""The inside of a sandbox: what the process may take, and how it speaks with the one that started it (rag.sandbox, the outside).

A message is a line of JSON, followed by as many bytes as its "size" says. Nothing is imported here that a page's picture has to wait for.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

DOCUMENT, UNLOCKED, WORDS = "document.pdf", "unlocked.pdf", "words"  # files in its folder
OUT_OF_MEMORY = 77  # exit status
_LARGEST_FILE = 1 << 30  # that it may write: a page's picture, or a document without its password
_OPEN_FILES = 64
_NO_NEW_PRIVILEGES, _PARENT_DEATH_SIGNAL = 38, 1  # prctl(2)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What reading a PDF may take. docs/decisions/0022 says which system enforces what."""

    page_seconds: float = 20  # for one page
    read_seconds: float = 600  # for all pages, and as long again for arranging them
    ocr_seconds: float = 60  # for recognising the text of one page
    pages: int = 5_000
    megapixels: int = 200  # of one picture in it
    memory_mb: int = 2_048  # of one process, so of all that a page unpacks to


USUAL = Limits()


class Refused(Exception):
    """The document cannot be read, or the page cannot be shown; str() is the sentence to show."""


class Locked(Refused):
    """The document needs a password, or another one."""


def picture_of(number: int) -> str:
    """The file, in the child's folder, that shows a page to text recognition."""
    return f"page-{number}.png"


class Channel:
    """Messages to and from the process outside."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)  # what a library prints is no message

    def tell(self, kind: str, body: bytes = b"", **said: Any) -> None:
        line = json.dumps({"kind": kind, "size": len(body), **said}, ensure_ascii=False).encode("utf-8", "replace")
        self._out.write(line + b"\n" + body)
        self._out.flush()

    def hear(self) -> dict[str, Any] | None:
        """The next request; None when there are no more, since the one who asks has gone."""
        line = sys.stdin.buffer.readline()
        return json.loads(line) if line.endswith(b"\n") else None


def serve(work: Callable[[Channel, Limits], None]) -> None:
    """Do a piece of work within the limits that the first argument names."""
    channel, limits = Channel(), Limits(**json.loads(sys.argv[1]))
    confine(limits)
    try:
        work(channel, limits)
    except Refused as refusal:
        channel.tell("refused", sentence=str(refusal), locked=isinstance(refusal, Locked))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except BrokenPipeError:
        os._exit(0)  # nobody is there to be told


def confine(limits: Limits) -> None:
    """Lower what the system lets this process take, for good. A system that lacks one of the limits goes without it."""
    seconds = int(2 * limits.read_seconds) + 60
    for kind, most in (
        (resource.RLIMIT_AS, limits.memory_mb << 20),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, _LARGEST_FILE),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (value, value))
    if sys.platform == "linux":
        system = ctypes.CDLL(None)
        system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        system.prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
