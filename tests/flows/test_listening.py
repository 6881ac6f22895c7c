"""Probes and metrics: what a process answers to whoever watches it."""

from __future__ import annotations

import logging
import re
import socket
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from db import open_pool
from rag import deadline, listening
from rag.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rag.deps import Deps


@contextmanager
def watching(deps: Deps, caplog: pytest.LogCaptureFixture, *, port: int = 0) -> Iterator[str]:
    """The address of a listener."""
    with (
        caplog.at_level(logging.INFO, logger="rag"),
        listening.watched(replace(deps, settings=deps.settings.model_copy(update={"metrics_port": port}))),
    ):
        found = re.findall(r"(http://127\.0\.0\.1:\d+)/metrics", caplog.text)
        yield found[-1]


def get(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address) as response:  # noqa: S310 -- our own address
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_process_answers_probes_and_gives_its_metrics(deps: Deps, caplog: pytest.LogCaptureFixture) -> None:
    with watching(deps, caplog) as address:
        assert get(f"{address}/healthz") == (200, "alive\n")
        assert get(f"{address}/readyz") == (200, "ready\n")
        assert "process_resident_memory_bytes" in get(f"{address}/metrics")[1]
        assert get(f"{address}/original/1.pdf")[0] == 404


def test_without_its_database_a_process_is_alive_but_not_ready(
    deps: Deps, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "PATIENCE", 0.2)
    with open_pool("postgresql://nobody@127.0.0.1:1/none") as dead, watching(replace(deps, pool=dead), caplog) as address:
        assert get(f"{address}/healthz")[0] == 200
        assert get(f"{address}/readyz") == (503, "the database does not answer\n")


def test_a_probe_waits_for_no_provider(deps: Deps, caplog: pytest.LogCaptureFixture) -> None:
    with ExitStack() as calls:
        for _ in range(deadline.MOST):  # all that may be under way at once
            calls.enter_context(deadline.CALLS)
        with watching(deps, caplog) as address:
            assert get(f"{address}/readyz") == (200, "ready\n")
            assert "situate_database_up 1.0" in get(f"{address}/metrics")[1]


def test_several_processes_take_the_ports_in_order(deps: Deps, caplog: pytest.LogCaptureFixture) -> None:
    with watching(deps, caplog) as first:
        port = int(first.rpartition(":")[2])
        with watching(deps, caplog, port=port) as second:
            assert first != second
            assert f"Port {port} is taken" in caplog.text
            assert get(f"{second}/healthz")[0] == 200


def test_without_the_setting_nothing_listens(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a socket was bound")

    monkeypatch.setattr(listening, "bind", refuse)
    with listening.watched(deps):
        pass


def test_a_row_of_taken_ports_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "PORTS_TRIED", 0)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(SettingsError, match="SITUATE_METRICS_PORT"):
            listening.bind("127.0.0.1", other.getsockname()[1], setting="SITUATE_METRICS_PORT")
