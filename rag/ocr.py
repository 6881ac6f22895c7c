"""Pages without text of their own, read from their pictures: a child process (rag.recogniser) with RapidOCR's models, loaded once.

It is a process of its own so that a picture that crashes or hangs the models costs a page rather than a worker, and its memory is given
back with it.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rag.confined import Limits
from rag.errors import RecognitionFailed
from rag.page import unpacked
from rag.sandbox import ChildEnded, Message, Sandbox, scratch_folder
from rag.words import Sheet

DOUBTFUL = 0.9  # confidence below which a page's text is to be checked against its picture
CHILD = "rag.recogniser"
START_SECONDS = 120.0  # in which the models are loaded; 2 s when the machine has nothing else to do
MEMORY_MB = 1_536  # 440 MB between pages, 750 MB while a dense one is looked at


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """What a page's picture says."""

    sheets: tuple[Sheet, ...]  # none: nothing that could be read
    turned: int  # degrees clockwise that bring the page upright
    confidence: float  # 0 to 1: how certain, of how much of what seems to be text


class Recogniser:
    """Reads one page at a time, for any thread. The process starts with the first page, and anew after it died or was ended."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._held = ExitStack()
        self._child: Sandbox | None = None

    def recognise(self, image: Path, *, page: int, width: float, height: float, seconds: float) -> Recognised:
        """The words of page `page` from its picture as displayed, a PNG; the page measures `width` x `height` points.

        Raises RecognitionFailed, and InterruptedError when someone asked the process to stop.
        """
        with self._turn:
            try:
                return self._asked(image, page, width, height, seconds)
            except ChildEnded as ended:
                self._end()
                if ended.why != "died":
                    raise _failed(page, ended) from ended
            except InterruptedError:
                self._end()
                raise
            try:  # once more: a process may also be killed for what others do
                return self._asked(image, page, width, height, seconds)
            except ChildEnded as ended:
                self._end()
                raise _failed(page, ended) from ended

    def close(self) -> None:
        """End the process, once it has done with its page."""
        with self._turn:
            self._end()

    def _asked(self, image: Path, page: int, width: float, height: float, seconds: float) -> Recognised:
        child = self._started()
        child.tell("recognise", image=str(image), page=page, width=width, height=height)
        message: Message = child.hear(seconds)
        if message.kind == "unseen":
            raise RecognitionFailed(f"The picture of page {page} is broken, so its text could not be recognised.")
        return Recognised(sheets=unpacked(message.body), turned=90 * message.said["turned"], confidence=message.said["confidence"])

    def _started(self) -> Sandbox:
        if self._child is None:
            folder = self._held.enter_context(scratch_folder())
            self._child = self._held.enter_context(Sandbox(CHILD, folder=folder, limits=Limits(memory_mb=MEMORY_MB)))
            self._child.hear(START_SECONDS)
        return self._child

    def _end(self) -> None:
        self._child = None
        self._held.close()


def _failed(page: int, ended: ChildEnded) -> RecognitionFailed:
    match ended.why:
        case "slow":
            return RecognitionFailed(f"Recognising the text of page {page} took too long and was stopped.")
        case "memory":
            return RecognitionFailed(f"Recognising the text of page {page} took more than {MEMORY_MB} MB of memory and was stopped.")
    return RecognitionFailed(f"The process that recognises text failed on page {page} (status {ended.status}).")
