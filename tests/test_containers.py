"""Dockerfile, .dockerignore and compose.yaml agree with each other and with the program; no engine is needed to see that."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from rag import cli
from rag.settings import Settings, variables

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
OURS = {name: service for name, service in COMPOSE["services"].items() if name != "database"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile with its arguments, on one line."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in joined.splitlines() if line]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    return found[max(place for place, (name, _) in enumerate(found) if name == "FROM") :]


def arguments(name: str) -> list[str]:
    return [given for instruction, given in last_stage() if instruction == name]


def copied() -> set[str]:
    """What the build takes from the folder that it is made in."""
    return {source for name, given in instructions() if name == "COPY" and not given.startswith("--from") for source in given.split()[:-1]}


def environment() -> dict[str, str]:
    return dict(item.split("=", 1) for given in arguments("ENV") for item in shlex.split(given))


# --- the image --------------------------------------------------------------------------------------------------------------


def test_what_the_image_copies_exists_and_is_all_that_the_build_is_given() -> None:
    assert all((ROOT / source).exists() for source in copied())
    lines = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied()


def test_the_image_holds_every_package_of_ours_and_what_streamlit_reads() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    assert {name.split(".")[0] for name in packages} | {"app.py", ".streamlit"} <= copied()
    assert not copied() & {".", "tests", "bench", "docs", ".git", ".venv", ".env"}


def test_the_image_installs_by_hash_and_without_what_developers_need() -> None:
    runs = [given for name, given in instructions() if name == "RUN"]
    assert [given for given in runs if "--require-hashes --requirement requirements.txt" in given]
    assert [given for given in runs if "--no-index" in given and "['traces']" in given]
    assert not [given for given in runs if "['dev']" in given]


def test_the_image_runs_as_a_plain_user_with_a_fixed_number() -> None:
    user = arguments("USER")[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert f"useradd --uid {user.split(':', maxsplit=1)[0]} " in DOCKERFILE
    assert f"--mode=0755 {environment()['SITUATE_HOME']}" in DOCKERFILE  # an engine may choose another number


def test_the_image_leaves_pip_and_compilers_behind() -> None:
    assert not [given for given in arguments("RUN") if re.search(r"\b(pip|gcc|apt-get|build-essential)\b", given)]
    assert arguments("COPY") == ["--from=build /opt/venv /opt/venv", "--from=build /app /app"]


def test_the_image_is_labelled_with_our_version() -> None:
    label = " ".join(arguments("LABEL"))
    assert f'org.opencontainers.image.version="{PROJECT["version"]}"' in label
    assert f'org.opencontainers.image.licenses="{PROJECT["license"]}"' in label


@pytest.mark.parametrize("file", ["Dockerfile", "compose.yaml", ".dockerignore"])
def test_no_image_is_the_latest_and_no_index_is_named(file: str) -> None:
    text = (ROOT / file).read_text("utf-8")
    assert ":latest" not in text
    assert not re.search("index" + "-url|trusted-host|pypi", text)
    for image in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
        assert ":" in image or f" AS {image}\n" in text


# --- the services -----------------------------------------------------------------------------------------------------------


def test_web_and_workers_are_one_image_and_two_commands() -> None:
    assert {service["image"] for service in OURS.values()} == {f"situate:{PROJECT['version']}"}
    assert json.loads(arguments("ENTRYPOINT")[-1]) == ["situate"]
    assert OURS["web"]["command"] == json.loads(arguments("CMD")[-1])
    for service in OURS.values():
        assert cli._parser().parse_args(service["command"]).command == service["command"][0]


@pytest.mark.parametrize("name", OURS)
def test_a_service_can_change_nothing_but_its_temporary_folder(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service  # the image's own
    assert "privileged" not in service
    assert [place.split(":")[0] for place in service["tmpfs"]] == ["/tmp"]  # noqa: S108 -- in the container
    assert "volumes" not in service


def test_several_workers_can_run_side_by_side() -> None:
    assert not {"container_name", "ports", "volumes"} & COMPOSE["services"]["worker"].keys()


def test_only_this_machine_reaches_the_pages_and_nothing_else_is_published() -> None:
    assert {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service} == {
        "web": ["127.0.0.1:8501:8501"]
    }


def test_every_setting_that_is_named_exists() -> None:
    known = {name for field in Settings.model_fields for name in variables(field)}
    named = set(re.findall(r"\b(?:SITUATE_[A-Z_]+|DATABASE_URL)\b", DOCKERFILE + (ROOT / "compose.yaml").read_text("utf-8")))
    assert named
    assert named <= known
    for service in OURS.values():  # of the two, the one that wins
        assert {n: v for n, v in service["environment"].items() if n.startswith("SITUATE_")}.items() >= {
            n: v for n, v in environment().items() if n.startswith("SITUATE_")
        }.items()


def test_no_password_is_written_down_and_each_is_asked_for() -> None:
    for service in COMPOSE["services"].values():
        for name, value in service["environment"].items():
            if "PASSWORD" in name and value:
                assert re.fullmatch(r"\$\{[A-Z_]+:\?.+\}", value), name
            assert not re.search(r"://\w+:", str(value)), name


def test_the_database_keeps_what_it_holds_and_is_not_reached_from_outside() -> None:
    database = COMPOSE["services"]["database"]
    assert database["volumes"] == ["database:/var/lib/postgresql"]
    assert "database" in COMPOSE["volumes"]
    assert database["networks"] == ["database"]
    assert COMPOSE["networks"]["database"]["internal"] is True


# --- the checks -------------------------------------------------------------------------------------------------------------


def checks() -> dict[str, list[str]]:
    """The commands that ask whether a container lives, and whether it is ready."""
    alive = json.loads(re.search(r"CMD (\[.*\])", arguments("HEALTHCHECK")[-1])[1])
    return {"/healthz": alive, "/readyz": shlex.split(COMPOSE["services"]["web"]["healthcheck"]["test"])}


@contextmanager
def answering(status: int) -> Iterator[tuple[int, list[str]]]:
    """A server on a free port that gives each request this status, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, asked
        server.shutdown()
        thread.join()


def outcome(command: list[str], port: int) -> int:
    ours = [sys.executable, *(part.replace(environment()["SITUATE_METRICS_PORT"], str(port)) for part in command[1:])]
    proxy = {"http_proxy": "http://127.0.0.1:1", "PATH": "/usr/bin:/bin"}  # an engine may hand its own to every container
    return subprocess.run(ours, check=False, capture_output=True, env=proxy).returncode


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_check_asks_its_route_and_tells_by_its_exit_code(path: str) -> None:
    command = checks()[path]
    assert command[0] == "python"
    for status, code in ((200, 0), (503, 1)):
        with answering(status) as (port, asked):
            assert outcome(command, port) == code
            assert asked == [path]
    assert outcome(command, port) == 1  # nobody is there any more


def test_both_commands_answer_on_the_port_that_is_asked() -> None:
    source = (ROOT / "rag" / "listening.py").read_text("utf-8")
    for path in checks():
        assert f'case "{path}"' in source
    assert {OURS[name]["environment"]["SITUATE_METRICS_PORT"] for name in ("web", "worker")} == {environment()["SITUATE_METRICS_PORT"]}
