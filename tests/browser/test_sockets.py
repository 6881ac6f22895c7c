"""A session without keys opens sockets on this machine only: each process that `situate serve` starts is watched, and the browser too."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests import scans, sockets
from tests.browser import papers
from tests.browser.conftest import ROOT, Visit
from tests.folders import open_folder
from tests.sockets import Watch

QUESTION = "What was the operating profit in 2031?"


@pytest.fixture
def home() -> Iterator[Path]:
    with open_folder() as folder:
        (folder / "seen").mkdir()
        yield folder


def environment(home: Path) -> dict[str, str]:
    """A stranger's: no key, and nothing that would make a library quieter than it is by itself."""
    quiet = (
        "ANTHROPIC_",
        "COHERE_",
        "CO_",
        "VOYAGE_",
        "DATABASE_URL",
        "SITUATE_",
        "ORT_",
        "CI",
        "DO_NOT_TRACK",
        "SCARF_",
        "HF_",
        "STREAMLIT_",
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(quiet)}
    return {**inherited, **sockets.environment(home / "seen"), "HOME": str(home), "SITUATE_HOME": str(home / "home")}


def test_a_session_without_keys_stays_on_this_machine(home: Path, visit: Callable[..., Visit]) -> None:
    command = [sys.executable, "-m", "rag.cli", "serve", "--port", "0"]
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, stderr=log, text=True) as running,
    ):
        assert running.stdout is not None
        try:
            with sockets.watched(running.pid, home / "seen") as watch:
                found = re.search(r"http://\S+", running.stdout.readline())
                assert found
                window = visit(found[0])
                use(window)
        finally:
            running.terminate()
    programs = " ".join(" ".join(call["program"]) for call in watch.calls)
    assert "serve" in programs
    assert "worker" in programs
    assert watch.looks > 10
    assert any("postgres" in call["address"] for call in watch.calls if isinstance(call["address"], str)) or watch.listed
    assert watch.elsewhere == []
    assert window.elsewhere == []
    assert not list(home.glob("**/*onnxruntime*")), "it makes an id of this machine before it sends anything"
    records = [json.loads(line) for line in (home / "log").read_text("utf-8").splitlines()]  # each line is an object, whichever library's
    (answered,) = [record for record in records if record["message"] == "question answered"]
    assert re.fullmatch("[0-9a-f]{16}", answered["request"])
    assert answered["conversation"]
    assert QUESTION not in (home / "log").read_text("utf-8")


def scan() -> bytes:
    drawn = scans.drawn(*scans.paragraph("Meridian Instruments was founded by Ada Holm. The harbour was closed for six weeks.", y=700))
    buffer = io.BytesIO()
    drawn.picture.save(buffer, "PDF", resolution=scans.DPI)
    return buffer.getvalue()


def use(window: Visit) -> None:
    """What a person does in an hour: each page, a scan too, a question, its citation, how it was found, a measurement."""
    page = window.go()
    window.upload(("lighthouse.pdf", papers.report()), ("scan.pdf", scan()))
    expect(page.get_by_text("2 documents can be asked.")).to_be_visible(timeout=120_000)
    window.ask(QUESTION)
    page.locator("button.cite").first.click()
    expect(page.locator(".sheet img[data-loaded]")).to_be_visible()
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("link", name="Inspect retrieval").click()
    expect(page.locator("table.stages button").first).to_be_visible()
    window.go(f"inspector?{urlencode({'q': 'Who founded Meridian Instruments?'})}")
    expect(page.locator("table.stages button").first).to_be_visible()
    window.go("evaluation")
    page.get_by_label("A question whose answer you know").fill(QUESTION)
    page.get_by_role("button", name="Find the passage").click()
    page.locator("button.card").first.click()
    expect(page.get_by_role("cell", name=QUESTION)).to_be_visible()
    page.get_by_role("button", name="Measure with 1 question").click()
    page.get_by_role("tab", name="Results").click()
    expect(page.get_by_role("cell", name="Both together")).to_be_visible(timeout=120_000)
    for path, heading in {"documents": "Documents", "usage": "Usage", "settings": "Settings"}.items():
        window.go(path)
        expect(page.get_by_role("heading", name=heading, exact=True).first).to_be_visible()


# What a library might do some day: look a name up, ask a name server, connect, wait for connections from everywhere.
PLANTED = """
import socket, sys
way = sys.argv[1]
sockets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if way in ("sendto", "listed") else socket.SOCK_STREAM)
sockets.settimeout(0.1)
try:
    match way:
        case "lookup":
            socket.getaddrinfo("telemetry.example", 443)
        case "connect":
            sockets.connect(("192.0.2.1", 443))
        case "sendto":
            sockets.sendto(b"me", ("192.0.2.1", 53))
        case "bind":
            sockets.bind(("0.0.0.0", 0))
        case "listed":
            sockets.connect(("192.0.2.1", 53))
except OSError:
    pass
sys.stdin.read()
"""


@pytest.mark.parametrize("way", ["lookup", "connect", "sendto", "bind"])
def test_a_socket_that_a_process_opens_is_seen(home: Path, way: str) -> None:
    watch = planted(home, way, env=environment(home))
    assert [call["call"] for call in watch.elsewhere if isinstance(call, dict)] == [f"socket.{ {'lookup': 'getaddrinfo'}.get(way, way) }"]


def test_one_that_is_opened_below_python_is_seen_in_the_systems_list(home: Path) -> None:
    assert ("192.0.2.1", 53) in {key[1:] for key in planted(home, "listed", env=dict(os.environ)).elsewhere}  # without the audit hook


def planted(home: Path, way: str, *, env: dict[str, str]) -> Watch:
    command = [
        sys.executable,
        "-c",
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {PLANTED!r}, {way!r}])",
    ]  # a child of it
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE) as running:
        with sockets.watched(running.pid, home / "seen") as watch:
            ends = time.monotonic() + 60
            while not watch.elsewhere and time.monotonic() < ends:
                time.sleep(sockets.LOOK)
        assert running.stdin is not None
        running.stdin.close()
    return watch
