"""README and docs/: what they name exists, what exists is told. Their commands are run by tests/flows/test_documentation.py."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import migrate
from rag.cli import _parser

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
MANUALS = [page for page in PAGES if page.parent.name in {"users", "operators", "developers"}]
IMAGES = sorted((DOCS / "images").iterdir())
LARGEST = 200_000  # bytes of a picture

named = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    """A page without its fences."""
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What headings are linked by, as GitHub makes it."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """Each link to something of ours: as written, the file it means, the heading in it."""
    for written in re.findall(r"\[[^]]*\]\(([^)\s]+)\)", prose(page)):
        if not re.match(r"[a-z]+:", written):
            file, _, anchor = written.partition("#")
            yield written, (page.parent / file).resolve() if file else page, anchor


@named
def test_every_link_leads_somewhere(page: Path) -> None:
    for written, file, anchor in links(page):
        assert file.exists(), written
        assert not anchor or anchor in anchors(file), written


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md" and page.exists():
            reached.add(page)
            waiting += [file for _, file, _ in links(page)]
    assert set(PAGES) <= reached


def test_every_picture_is_shown_and_small() -> None:
    shown = {file for page in PAGES for _, file, _ in links(page)}
    for image in IMAGES:
        assert image in shown, image.name
        assert image.stat().st_size < LARGEST, image.name


@pytest.mark.parametrize("page", MANUALS, ids=lambda page: page.name)
def test_a_page_begins_with_what_its_reader_can_do_after_it(page: Path) -> None:
    assert re.match(r"# .+\n\n(<!--.*-->\n\n)?After this page ", page.read_text("utf-8"))


def test_every_decision_is_in_their_index() -> None:
    index = (DOCS / "decisions" / "README.md").read_text("utf-8")
    for decision in sorted((DOCS / "decisions").glob("0*.md")):
        number, title = re.match(r"# (\d+)\. (.+)", decision.read_text("utf-8")).groups()
        assert f"- {number}. [{title}]({decision.name})\n" in index


# --- commands ---------------------------------------------------------------------------------------------------------------

CLI = (DOCS / "operators" / "cli.md").read_text("utf-8")
COMMANDS: dict[str, argparse.ArgumentParser] = next(action.choices for action in _parser()._actions if action.choices)
ROWS = {row.split()[0]: row for row in re.findall(r"^\| `([a-z]+.*)$", CLI.partition("## evaluate")[0], re.MULTILINE)}
SHARED = {"--collection", "--json", "--help", "-h"}  # told once, below the table


def test_the_table_of_commands_is_complete_and_true() -> None:
    assert {name.strip("`") for name in ROWS} == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_told_and_no_other(command: str) -> None:
    options = {option for action in COMMANDS[command]._actions for option in action.option_strings}
    told = (
        CLI.partition("## evaluate")[2] if command == "evaluate" else next(row for name, row in ROWS.items() if name.strip("`") == command)
    )
    assert options - SHARED <= set(re.findall(r"--[a-z][a-z-]+", told)) <= options


def test_the_role_is_made_as_the_refusal_says() -> None:
    assert migrate.ROLE_HELP in (DOCS / "operators" / "install.md").read_text("utf-8")


@named
def test_every_make_target_named_exists(page: Path) -> None:
    told = set(re.findall(r"(?:`|/situate |^)make ([a-z]+)(?=`| SET| +#|$)", page.read_text("utf-8"), re.MULTILINE))
    assert told <= set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
