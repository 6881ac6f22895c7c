"""What README.md tells a reader to type exists, and what exists is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from db import migrate
from rag.cli import _parser
from rag.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def settings() -> set[str]:
    """The name under which each setting is best known."""
    names = set()
    for name, declared in Settings.model_fields.items():
        alias = declared.validation_alias
        first = getattr(alias, "choices", [alias])[0]
        names.add(str(first or f"SITUATE_{name}").upper())
    return names


def test_the_table_of_settings_is_complete_and_true() -> None:
    table = README.partition("## Settings")[2]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == settings()


def test_the_defaults_told_are_the_defaults() -> None:
    told = dict(re.findall(r"^\| `SITUATE_(\w+)` \| `([^`]+)` \|", README, re.MULTILINE))
    assert told
    assert told == {name: str(Settings.model_fields[name.lower()].default) for name in told}


def test_the_table_of_commands_is_complete_and_true() -> None:
    table = README.partition("## Command line")[2].partition("## Settings")[0]
    told = set(re.findall(r"^\| `([a-z]+)", table, re.MULTILINE))
    choices = next(action.choices for action in _parser()._actions if action.choices)
    assert told == set(choices)


def test_the_role_is_made_as_the_refusal_says() -> None:
    assert migrate.ROLE_HELP in README


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_named_exists(document: str) -> None:
    named = set(re.findall(r"(?:`|/situate |^)make ([a-z]+)(?=`| SET| +#|$)", (ROOT / document).read_text("utf-8"), re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert named
    assert named <= targets


def test_every_file_linked_exists() -> None:
    for target in re.findall(r"(?<!!)\[[^]]*\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
