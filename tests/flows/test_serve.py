"""`situate serve` starts everything, keeps it running, and leaves nothing behind."""

from __future__ import annotations

import fcntl
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from db import embedded
from tests.folders import open_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parents[2]
FAKES = {"SITUATE_EMBEDDER": "fake:embedder", "SITUATE_RERANKER": "none", "SITUATE_SITUATOR": "none", "SITUATE_ANSWERER": "extract"}
PATIENCE = 60.0  # seconds; nothing here takes that long on an idle machine
_numbers = itertools.count(1)


class Running:
    """A `situate serve`, or `web`, in a home."""

    def __init__(self, home: Path, *arguments: str, command: str = "serve", within: Sequence[str] = (), **variables: str) -> None:
        self.home = home
        self._log = home.with_name(f"log-{next(_numbers)}").open("a+")
        environment = {**os.environ, **FAKES, **variables, "SITUATE_HOME": str(home)}
        self.process = subprocess.Popen(
            [*within, sys.executable, "-m", "rag.cli", command, *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        found = re.search(r"http://\S+", self.line)
        assert found, self.log
        self.address = found[0]

    @property
    def log(self) -> str:
        return Path(self._log.name).read_text()

    def workers(self) -> list[int]:
        return [int(number) for number in re.findall(r"worker runs as process (\d+)", self.log)]

    def postmaster(self) -> int | None:
        try:
            return int((self.home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, IndexError):
            return None

    def has_worker_at_work(self) -> bool:
        server = embedded.start(self.home)
        try:
            with psycopg.connect(server.url) as connection:
                return bool(connection.execute("select from procrastinate_workers").fetchall())
        finally:
            server.leave()

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.address + path) as response:  # noqa: S310 -- our own address
                return response.status, response.headers["Content-Security-Policy"]
        except urllib.error.HTTPError as error:
            return error.code, ""

    def is_left(self) -> bool:
        """Whether a process that used the database is left, or one of the database's own."""
        for name in ("users", "alive"):
            with (self.home / "postgres" / name).open("ab") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return True
        return False

    def stop(self, number: int = signal.SIGTERM) -> str:
        """Send the signal; returns what else was printed."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=PATIENCE)
        return rest


@contextmanager
def serving(*arguments: str, command: str = "serve", within: Sequence[str] = (), **variables: str) -> Iterator[Running]:
    with open_folder() as folder:
        running = Running(folder / "home", *arguments, command=command, within=within, **variables)
        try:
            yield running
        finally:
            if running.process.poll() is None:
                running.stop()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serving("--port", "0") as one:
        yield one


def eventually(what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not what() and time.monotonic() < deadline:
        time.sleep(0.1)
    return what()


def test_a_page_may_load_nothing_from_elsewhere(running):
    status, policy = running.get("/")
    assert status == 200
    assert "default-src 'self'" in policy
    assert not re.search(r"https?:|\*", policy)


def test_alive_means_that_it_answers_and_ready_that_the_database_does_too(running):
    assert running.get("/healthz")[0] == 200
    assert running.get("/readyz")[0] == 200


def test_a_worker_that_dies_is_replaced(running):
    assert eventually(lambda: bool(running.workers()))
    before = running.workers()
    os.kill(before[-1], signal.SIGKILL)
    assert eventually(lambda: len(running.workers()) > len(before))
    assert "starting another" in running.log


def test_a_database_that_dies_is_started_again(running):
    before = running.postmaster()
    os.kill(before, signal.SIGKILL)
    assert eventually(lambda: running.postmaster() not in {before, None})
    assert eventually(lambda: running.get("/readyz")[0] == 200)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_one_line_was_printed(number):
    with serving("--port", "0") as one:
        assert one.stop(number) == ""
        assert one.line == f"Situate is running at {one.address} (Ctrl-C stops it)\n"
        assert one.process.returncode == 0
        assert not one.is_left()


def test_a_killed_server_takes_its_worker_and_the_database_along():
    with serving("--port", "0") as one:
        assert eventually(one.has_worker_at_work)
        one.stop(signal.SIGKILL)
        assert eventually(lambda: not one.is_left())


def test_the_web_application_alone_starts_no_worker_and_stops_as_calmly():
    with serving("--port", "0", command="web") as one:
        assert one.get("/readyz")[0] == 200
        assert one.stop() == ""
        assert one.process.returncode == 0
        assert not one.workers()
        assert not one.is_left()


def test_two_web_processes_share_one_database_and_the_last_stops_it():
    with serving("--port", "0", command="web") as first:
        second = Running(first.home, "--port", "0", command="web")
        try:
            assert first.stop() == ""
            assert second.get("/readyz")[0] == 200
            os.kill(second.postmaster() or 0, signal.SIGKILL)  # whoever lasts keeps it, not only whoever started it
            assert eventually(lambda: second.get("/readyz")[0] == 200 and second.postmaster() is not None)
        finally:
            second.stop()
        assert not second.is_left()


def test_variables_of_another_postgres_are_not_heeded():
    variables = {
        "PGSERVICE": "nothing",
        "PGOPTIONS": "-c default_transaction_read_only=on",
        "PGREQUIREAUTH": "none",
        "PGCLIENTENCODING": "LATIN1",
    }
    with serving("--port", "0", command="web", **variables) as one:
        assert one.get("/readyz")[0] == 200


def test_a_folder_deleted_under_the_shell_does_not_matter(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    with serving(
        "--port", "0", command="web", within=("sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(gone)), PYTHONPATH=str(ROOT)
    ) as one:
        assert not gone.exists()
        assert one.get("/documents")[0] == 200


def test_a_taken_port_is_passed_over_and_said():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with serving("--port", str(taken)) as one:
            assert one.get("/readyz")[0] == 200
            assert not one.address.endswith(f":{taken}")
            assert f"Port {taken} is taken" in one.log


def test_a_database_that_cannot_be_reached_ends_it_with_one_sentence(tmp_path):
    environment = {**os.environ, **FAKES, "SITUATE_HOME": str(tmp_path), "DATABASE_URL": "postgresql://situate@127.0.0.1:1/situate"}
    command = [sys.executable, "-m", "rag.cli", "serve", "--port", "0"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("situate: The database cannot be reached")
    assert "Traceback" not in done.stderr
