"""What README.md tells a reader to type exists, and what exists is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from db import migrate
from rag.cli import _parser

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


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
