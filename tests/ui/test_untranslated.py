"""Nothing is written past gettext: no English literal reaches a page, and a Chinese reader meets no English word."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1.element_tree import Block

from rag import own_questions
from rag.deps import Deps
from tests import pdfs
from tests.ui.conftest import ROOT, finish, nodes, open_app, press, trees

WIDGETS = {
    "badge", "button", "caption", "chat_input", "checkbox", "dialog", "download_button", "error", "expander", "file_uploader",
    "form_submit_button", "header", "info", "link_button", "markdown", "metric", "multiselect", "number_input", "page_link", "pills", "popover",
    "progress", "radio", "segmented_control", "selectbox", "slider", "spinner", "status", "subheader", "success", "tabs", "text", "text_area",
    "text_input", "title", "toast", "toggle", "warning", "write",
}  # fmt: skip
TOLD = {"body", "help", "label", "placeholder", "text", "title"}  # arguments that people read
ATTRIBUTES = {"title", "label", "tip", "copied"}  # of a tree's nodes
FIELDS = ("label", "title", "placeholder", "help", "body", "text")  # of the messages that Streamlit sends
NO_WORD = re.compile(r":material/\w+:|pages/\w+\.py|[^A-Za-z]+")


def words(node: ast.AST | None) -> Iterator[str]:
    """English in an expression that is not a call, such as of gettext."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if NO_WORD.sub("", node.value):
            yield node.value
    elif isinstance(node, ast.JoinedStr):
        for value in node.values:
            yield from words(value)
    elif isinstance(node, ast.BinOp):
        yield from words(node.left)
        yield from words(node.right)
    elif isinstance(node, ast.IfExp):
        yield from words(node.body)
        yield from words(node.orelse)


def literals(node: ast.AST) -> Iterator[str]:
    """English that this node of the source gives to a widget or puts into a tree."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in WIDGETS
        and ast.unparse(node.func.value) != "log"
    ):
        for argument in [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg in TOLD)]:
            yield from words(argument)
    if isinstance(node, ast.List) and len(node.elts) > 1 and isinstance(node.elts[0], ast.Constant) and isinstance(node.elts[1], ast.Dict):
        for child in node.elts[2:]:
            yield from words(child)
        for name, value in zip(node.elts[1].keys, node.elts[1].values, strict=True):
            if isinstance(name, ast.Constant) and name.value in ATTRIBUTES:
                yield from words(value)


@pytest.mark.parametrize("source", [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))], ids=lambda path: path.name)
def test_no_english_is_given_to_a_page_past_gettext(source: Path) -> None:
    found = [
        (node.lineno, text) for node in ast.walk(ast.parse(source.read_text("utf-8"))) if hasattr(node, "lineno") for text in literals(node)
    ]
    assert found == []


def test_english_past_gettext_would_be_found() -> None:
    source = """st.button("Go", help=_("x")); log.warning("down"); ["p", {"title": "Hint", "c": "faint"}, "Hello ", _("you")]; st.caption(f"{n} left", help="why")"""
    assert {text for node in ast.walk(ast.parse(source)) for text in literals(node)} == {"Go", "Hint", "Hello ", " left", "why"}


# Names that are the same in Chinese: products, formats, units, commands, the first collection, and what the tests themselves call their files and models.
NAMES = re.compile(
    r"BM25|US|token|Library|Ctrl|make run|none|CSV|JSONL|PDF|Claude|Anthropic|Cohere|Voyage|LangChain|Situate|RapidOCR|Streamlit|Postgres|Markdown|OCR|API|USD|URL|MB|MiB|kB|ms|nDCG|MRR|RRF|"
    r"SITUATE_\w+|ANTHROPIC_\w+|COHERE_\w+|CO_\w+|VOYAGE_\w+|DATABASE_URL|\.env|(?:/[\w.-]+)+|[\w-]+\.(?:pdf|toml|py|md)|fake[\w:.-]*|questions?\.jsonl|\b(?:question|quote|document)\b|(?:claude|rerank|voyage)-[\w.-]+|"
    r"multilingual[\w-]*|:material/\w+:|pages/\w+\.py|https?://\S+"
)


def texts(app: Any) -> Iterator[str]:
    """Everything that the page shows: trees, and the words of all its widgets."""
    for tree in trees(app):
        for node in nodes(tree):
            if node[1].get("c") != "icon":  # its text is the icon's name in the font
                yield from (child for child in node[2:] if isinstance(child, str))
            yield from (str(node[1][name]) for name in ATTRIBUTES if node[1].get(name))

    def inside(node: Any) -> Iterator[str]:
        proto = getattr(node, "proto", None)
        for part in (proto, *(getattr(proto, name, None) for name in ("expandable", "tab", "dialog", "popover"))):
            yield from (found for name in FIELDS if isinstance(found := getattr(part, name, ""), str) and "<style>" not in found)
        for child in node.children.values() if isinstance(node, Block) else ():
            yield from inside(child)

    yield from inside(app._tree)


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that asks for Chinese."""
    monkeypatch.setattr(type(st.context), "locale", property(lambda _: "zh-CN"))


def english(app: Any) -> set[str]:
    shown = (re.sub(r"\\(?=[^A-Za-z0-9])", "", text) for text in texts(app))  # as markdown shows it
    return {word for text in shown for word in re.findall(r"[A-Za-z]{2,}", NAMES.sub(" ", text))}


@pytest.mark.usefixtures("deps", "chinese")
def test_an_empty_library_speaks_chinese() -> None:
    for page in (
        None,
        "pages/chat.py",
        "pages/documents.py",
        "pages/inspector.py",
        "pages/evaluation.py",
        "pages/usage.py",
        "pages/settings.py",
    ):
        assert english(open_app(page)) == set(), page


@pytest.mark.usefixtures("chinese")
def test_pages_in_use_speak_chinese(deps: Deps, store: Callable[..., int]) -> None:
    document = store(pdfs.chinese(), filename="年报.pdf")
    store(b"%PDF-1.7 nothing", filename="坏.pdf", index=False)
    own_questions.add(
        deps, "local", question="公司主要生产什么？", document_id=document, ord_=0, quote="公司主要生产高铁隧道照明用的光学镜片"
    )
    chat = open_app("pages/chat.py")
    assert english(chat) == set()
    chat.chat_input[0].set_value("公司主要生产什么？").run()
    assert english(finish(chat)) == set()
    documents = open_app("pages/documents.py")
    assert english(documents) == set()
    assert english(press(documents, f"read:{document}")) == set()
    assert english(open_app("pages/inspector.py", q="营业收入")) == set()
    assert english(open_app("pages/evaluation.py")) == set()
    assert english(open_app("pages/usage.py")) == set()
