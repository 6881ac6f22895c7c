"""A child process for files from strangers: its own folder and process group, an empty environment, bounded time and memory.

Its inside is rag.confined. It is watched while its answer is awaited, and works only then or a little ahead, since what it may have told
unheard is bounded by a pipe. docs/decisions/0022 lists what Linux and macOS enforce.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import psutil

from rag.confined import OUT_OF_MEMORY, Limits

log = logging.getLogger(__name__)

_LOOK = 0.25  # seconds between two looks at its memory
_PREFIX = "situate-pdf-"
_LOCK, _ERRORS = "owner.lock", "errors.txt"
_FRESH = 5.0  # seconds for which a folder may not be locked yet
_LONGEST_LINE = 64 << 20  # bytes; an outline of a hundred thousand entries has ten
_STOPPED = {-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP}  # by a person or a service manager: says nothing about the file
_ROOT = Path(__file__).resolve().parent.parent


class ChildEnded(Exception):
    """The child will not answer: it died, or was ended for taking too long or too much memory."""

    def __init__(self, why: Literal["died", "slow", "memory"], *, status: int = 0, said: str = "") -> None:
        super().__init__(said)
        self.why = why
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Message:
    kind: str
    said: dict[str, Any]
    body: bytes


class Sandbox:
    """One child process; killed when its block ends."""

    def __init__(self, module: str, *arguments: str, folder: Path, limits: Limits) -> None:
        self._limits = limits
        self._errors = folder / _ERRORS
        command = [sys.executable, "-P", "-m", module, json.dumps(asdict(limits)), *arguments]  # -P: no module comes from the folder
        home = str(folder)
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env={"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "HOME": home, "TMPDIR": home},
                start_new_session=True,  # Ctrl-C in a terminal is for the one who asked
            )
        assert self._process.stdin is not None  # noqa: S101 - a pipe, as asked for
        assert self._process.stdout is not None  # noqa: S101
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stdout, selectors.EVENT_READ)
        self._heard = bytearray()
        self._looked = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def tell(self, kind: str, **said: Any) -> None:
        """A request. It has to fit into a pipe; what is longer goes into the folder. A child that has ended is noticed by `hear`."""
        with suppress(BrokenPipeError):
            self._stdin.write(json.dumps({"kind": kind, **said}).encode() + b"\n")
            self._stdin.flush()

    def hear(self, seconds: float) -> Message:
        """The next answer. Raises ChildEnded, and InterruptedError when someone asked the child to stop."""
        until = time.monotonic() + seconds
        line = self._until_newline(until)
        said = json.loads(line)
        return Message(kind=said.pop("kind"), body=self._exactly(said.pop("size"), until), said=said)

    def close(self) -> None:
        self._kill()
        self._selector.close()
        self._stdout.close()
        with suppress(BrokenPipeError):
            self._stdin.close()

    def _until_newline(self, until: float) -> bytes:
        seen = 0
        while (at := self._heard.find(b"\n", seen)) < 0:
            seen = len(self._heard)
            if seen > _LONGEST_LINE:
                raise self._ended("died")
            self._more(until)
        line = bytes(self._heard[:at])
        del self._heard[: at + 1]
        return line

    def _exactly(self, size: int, until: float) -> bytes:
        if size > self._limits.memory_mb << 20:
            raise self._ended("memory")
        while len(self._heard) < size:
            self._more(until)
        body = bytes(self._heard[:size])
        del self._heard[:size]
        return body

    def _more(self, until: float) -> None:
        """Wait for some bytes, with an eye on the clock and on the child's memory."""
        while True:
            now = time.monotonic()
            if now - self._looked >= _LOOK:
                self._looked = now
                if self._memory() > self._limits.memory_mb << 20:
                    raise self._ended("memory")
            if self._selector.select(max(0.0, min(until - now, _LOOK))):
                some = os.read(self._stdout.fileno(), 1 << 20)
                if not some:
                    raise self._ended("died")
                self._heard += some
                return
            if now >= until:
                raise self._ended("slow")

    def _memory(self) -> int:
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.Error:  # it has just ended, which its pipe tells as well
            return 0

    def _ended(self, why: Literal["died", "slow", "memory"]) -> Exception:
        """What to raise about it; it is dead afterwards."""
        if why == "died":
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_LOOK)  # its pipe closes a moment before it has ended
        status = self._process.poll()
        self._kill()
        if why == "died" and status in _STOPPED:
            return InterruptedError(f"The process that reads the PDF was stopped by {signal.Signals(-status).name}.")
        said = self._errors.read_bytes()[-2000:].decode("utf-8", "replace").strip() if self._errors.exists() else ""
        return ChildEnded("memory" if status == OUT_OF_MEMORY else why, status=status or 0, said=said)

    def _kill(self) -> None:
        if self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):  # macOS: the latter for a group that has just ended
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder of one's own until the block ends. Those of killed processes are removed by a later process's first one."""
    _sweep()
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with (folder / _LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder


@cache
def _sweep() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError), (folder / _LOCK).open("wb") as lock:  # another user's cannot be opened
            if time.time() - folder.stat().st_mtime > _FRESH:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
                log.info("removed %s, left by a process that was killed", folder)
