"""What bench.starts works with: a folder of its own that every user can pass through, and Situate started there in processes of its own."""

from __future__ import annotations

import functools
import io
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from reportlab.pdfgen.canvas import Canvas

ROOT = Path(__file__).parents[1]
PLAIN_USER = "situate-bench"
PATIENCE = 240.0  # seconds
FAKES = {"SITUATE_EMBEDDER": "fake:embedder", "SITUATE_RERANKER": "none", "SITUATE_SITUATOR": "none", "SITUATE_ANSWERER": "extract"}

_HAND_IN = """
import sys
from pathlib import Path
from rag import library
from rag.deps import opened
from rag.settings import load
settings, path = load(), Path(sys.argv[1])
with opened(settings) as deps:
    library.upload(deps, settings.subject, filename=path.name, content=path.read_bytes())
"""


class SkippedError(Exception):
    """A trap that cannot be made here; str() says why."""


@dataclass(kw_only=True)
class Situate:
    """A process of ours that lasts, in a home."""

    process: subprocess.Popen[str]
    home: Path
    log: Path
    address: str = ""

    def told(self) -> str:
        """Its own sentences: what its log holds, without what JSON adds."""
        lines = self.log.read_text(errors="replace").splitlines()
        return " ".join(json.loads(line)["message"] if line.startswith("{") else line for line in lines)

    def answers(self, path: str = "/readyz") -> bool:
        try:
            with urllib.request.urlopen(self.address + path, timeout=5) as response:  # noqa: S310 - our own address
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Seconds until it had ended."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(PATIENCE)
        return time.monotonic() - began

    def worker(self) -> int:
        """Of `situate serve`: the worker that it started last."""
        return int(re.findall(r"worker runs as process (\d+)", self.told())[-1])


@dataclass(kw_only=True)
class Ground:
    """One trap's folder, and what it started there."""

    folder: Path
    started: list[Situate] = field(default_factory=list)
    undo: list[Callable[[], object]] = field(default_factory=list)
    within: Sequence[str] = ()  # the command that every process is started by, such as runuser
    place: Path = Path()  # where the home lies, below the folder
    name: str = "home"

    @property
    def home(self) -> Path:
        return self.folder / self.place / self.name

    def environment(self, home: Path, extra: Mapping[str, str | None] | None = None) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        given = {**kept, "PYTHONPATH": str(ROOT), "SITUATE_HOME": str(home), **FAKES, **(extra or {})}
        return {name: value for name, value in given.items() if value is not None}

    def launch(
        self, *arguments: str, home: Path | None = None, extra: Mapping[str, str | None] | None = None, cwd: Path = Path("/")
    ) -> Situate:
        """Start a process that lasts; `ready` waits for it."""
        home = home or self.home
        log = self.folder / f"log-{len(self.started)}"
        with log.open("w") as said:
            process = subprocess.Popen(
                [*self.within, sys.executable, "-m", "rag.cli", *arguments],
                cwd=cwd,
                env=self.environment(home, extra),
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                preexec_fn=_hear_signals,  # noqa: PLW1509 - the bench has no threads
            )
        self.started.append(Situate(process=process, home=home, log=log))
        return self.started[-1]

    def serve(self, *arguments: str, command: str = "serve", **options: Any) -> Situate:
        """Start `serve`, or `web`, and wait until pages can be opened."""
        return ready(self.launch(command, *(arguments or ("--port", "0")), **options))

    def run(self, *arguments: str | Path, home: Path | None = None, extra: Mapping[str, str | None] | None = None) -> Any:
        """Run a command that ends; what it says as JSON. Raises AssertionError with its sentence."""
        done = self.attempt(*arguments, "--json", home=home, extra=extra)
        assert done.returncode == 0, done.stderr.strip().splitlines()[-1]
        return [json.loads(line) for line in done.stdout.splitlines()][-1]

    def attempt(
        self, *arguments: str | Path, home: Path | None = None, extra: Mapping[str, str | None] | None = None, cwd: Path = Path("/")
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.within, sys.executable, "-m", "rag.cli", *map(str, arguments)],
            cwd=cwd,
            env=self.environment(home or self.home, extra),
            capture_output=True,
            text=True,
            check=False,
        )

    def hand_in(self, path: Path) -> None:
        """Store a document as a page does, and leave its work to whatever worker there is."""
        done = subprocess.run(
            [*self.within, sys.executable, "-c", _HAND_IN, str(path)],
            cwd="/",
            env=self.environment(self.home),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.strip().splitlines()[-1]

    def pdf(self, name: str = "report.pdf", pages: int = 3, *, megabytes: float = 0) -> Path:
        path = self.folder / name
        path.write_bytes(report(path.stem, pages, megabytes=megabytes))
        path.chmod(0o644)
        return path

    def listed(self, **options: Any) -> str:
        """The documents, each with its state."""
        return (
            ", ".join(f"{row['document']} {row['status']}" for row in sorted(self.run("list", **options), key=lambda row: row["document"]))
            or "no documents"
        )

    def until_listed(self, state: str) -> float:
        """Seconds until the documents were so. Raises AssertionError."""
        try:
            return eventually(lambda: self.listed() == state)
        except AssertionError:
            raise AssertionError(f"documents afterwards: {self.listed()}") from None

    def tmpfs(self, size: str, *options: str) -> Path:
        """A file system of its own. Raises SkippedError."""
        if os.geteuid() != 0:
            raise SkippedError("mounting needs root")
        where = self.folder / "mounted"
        where.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", "mode=0711", *options]), "tmpfs", where],
            capture_output=True,
            text=True,
            check=False,
        )
        if mounted.returncode != 0:
            raise SkippedError(f"mount: {mounted.stderr.strip()}")
        self.undo.append(lambda: subprocess.run(["umount", "-l", where], check=True))
        return where


@contextmanager
def ground() -> Iterator[Ground]:
    folder = Path(tempfile.mkdtemp(prefix="st-"))
    folder.chmod(0o711)
    made = Ground(folder=folder)
    try:
        yield made
    finally:
        for one in made.started:
            with suppress(subprocess.TimeoutExpired):
                one.stop()
            one.process.kill()
        for pid in cluster(folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for undo in reversed(made.undo):
            undo()
        shutil.rmtree(folder, ignore_errors=True)


def ready(one: Situate) -> Situate:
    assert one.process.stdout is not None
    line = one.process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, one.told()[-600:] or f"it ended with {one.process.wait()}"
    one.address = found[0]
    eventually(one.answers, "it does not become ready")
    return one


def eventually(what: Callable[[], object], otherwise: str = "it does not come about", *, seconds: float = PATIENCE) -> float:
    """Seconds until it was so. Raises AssertionError."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, otherwise
        time.sleep(0.1)
    return time.monotonic() - began


def cluster(home: Path) -> list[int]:
    """The processes of the Postgres below this folder: the postmaster first."""
    all_of_them = psutil.process_iter(["pid", "name", "cwd"])
    return sorted(p.info["pid"] for p in all_of_them if p.info["name"] == "postgres" and (p.info["cwd"] or "").startswith(str(home)))


def kill(*pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def family(one: Situate) -> list[int]:
    """A process of ours with all its children."""
    return [one.process.pid, *(child.pid for child in psutil.Process(one.process.pid).children(recursive=True))]


def report(name: str, pages: int, *, megabytes: float = 0) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for page in range(1, pages + 1):
        for line in range(1, 31):
            canvas.drawString(
                60, 790 - 24 * line, f"Observation {page}.{line} of {name} was made at station {page * 7 + line}, in calm weather."
            )
        canvas.showPage()
    canvas.save()
    return buffer.getvalue() + b"\n%" + os.urandom(int(megabytes * 1_000_000)).hex().encode()[: int(megabytes * 1_000_000)]


@functools.cache
def plain_user() -> str:
    """A user without rights who can run this very program; made for the bench, and removed at its end. Raises SkippedError."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    with suppress(KeyError):
        pwd.getpwnam(PLAIN_USER)
        return _who_reaches_python(PLAIN_USER)
    subprocess.run(["useradd", "--system", "--create-home", PLAIN_USER], check=True)
    return _who_reaches_python(PLAIN_USER)


def _who_reaches_python(user: str) -> str:
    asked = ["runuser", "-u", user, "--", "env", f"PYTHONPATH={ROOT}", sys.executable, "-c", "import rag.cli"]
    if subprocess.run(asked, cwd="/", capture_output=True, check=False).returncode != 0:
        raise SkippedError(f"a plain user cannot run {sys.executable}; make .venv with an interpreter outside /root")
    return user


def forget_plain_user() -> None:
    if os.geteuid() == 0:
        subprocess.run(["userdel", "--remove", PLAIN_USER], check=False, capture_output=True)


def _hear_signals() -> None:
    """A job in the background ignores SIGINT, and its children would too."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
