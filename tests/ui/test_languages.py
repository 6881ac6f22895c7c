from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file

from pages.parts import i18n
from rag.deps import Deps
from rag.preferences import prefer
from tests.ui.conftest import ROOT, SUBJECT, open_app, shown

SHOWN_ERRORS = {
    "PriceNotAgreed", "UploadError", "UnreadableDocument", "Refused", "Locked", "NeedsPassword", "WrongPassword", "DocumentGone", "ConversationError", "QuestionError", "QuestionSetError", "NothingToSearch",
    "PermanentProviderError", "TransientProviderError",
}  # fmt: skip
ONLY_IN_A_TERMINAL = {"chosen.py", "cli.py", "commands.py", "intake.py", "operating.py", "shelf_commands.py"}


def said_by_pages() -> set[str]:
    """Every string given to _() or plural()."""
    found: set[str] = set()
    for source in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]:
        for _, message, _, _ in extract_from_file("python", str(source), keywords={"_": None, "plural": (1, 2)}):
            found.add(message if isinstance(message, str) else message[0])
    return found


def templates(node: ast.AST) -> Iterator[str]:
    """The forms of a string in the source, {} for each value in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        for pieces in product(*map(_piece, node.values)):
            yield "".join(pieces)


def _piece(value: ast.expr) -> list[str]:
    if isinstance(value, ast.Constant):
        return [str(value.value)]
    inner = value.value if isinstance(value, ast.FormattedValue) else value
    if isinstance(inner, ast.IfExp) and isinstance(inner.body, ast.Constant) and isinstance(inner.orelse, ast.Constant):
        return [str(inner.body.value), str(inner.orelse.value)]
    return ["{}"]


def back_end() -> Iterator[tuple[Path, ast.AST]]:
    for source in [*(ROOT / "rag").rglob("*.py"), *(ROOT / "db").rglob("*.py")]:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            yield source, node


def without_names(template: str) -> str:
    """{model} as {}: some sentences are filled in by str.format."""
    return template.replace("{model}", "{}")


def entries(spoken: str, *, backend: bool) -> dict[str, str | tuple[str, ...]]:
    catalogue = i18n.read_catalogue(spoken)
    return {(m.id if isinstance(m.id, str) else m.id[0]): m.string for m in catalogue if m.id and i18n.is_backend(m) is backend}


@pytest.mark.parametrize("spoken", i18n.TRANSLATED)
def test_every_string_of_the_pages_is_translated_and_every_translation_is_used(spoken: str) -> None:
    translated = entries(spoken, backend=False)
    assert set(translated) == said_by_pages()
    assert [key for key, text in translated.items() if not (text if isinstance(text, str) else all(text))] == []


@pytest.mark.parametrize("spoken", i18n.TRANSLATED)
def test_every_sentence_of_the_back_end_that_a_page_may_show_is_translated(spoken: str) -> None:
    raised = {
        template
        for source, node in back_end()
        if isinstance(node, ast.Call) and node.args and source.name not in ONLY_IN_A_TERMINAL
        if getattr(node.func, "id", getattr(node.func, "attr", "")) in SHOWN_ERRORS
        for template in templates(node.args[0])
    }
    assert raised - set(entries(spoken, backend=True)) == set()


@pytest.mark.parametrize("spoken", i18n.TRANSLATED)
def test_every_translated_sentence_of_the_back_end_is_still_said(spoken: str) -> None:
    said = {without_names(template) for _, node in back_end() for template in templates(node)}
    assert set(entries(spoken, backend=True)) - said == set()


@pytest.mark.parametrize("spoken", i18n.TRANSLATED)
def test_translations_keep_every_placeholder(spoken: str) -> None:
    import re

    for message in i18n.read_catalogue(spoken):
        source = message.id if isinstance(message.id, str) else message.id[0]
        for text in [message.string] if isinstance(message.string, str) else message.string:
            assert sorted(re.findall(r"\{\w*\}", text)) == sorted(re.findall(r"\{\w*\}", source)), source


@pytest.mark.parametrize(
    ("sentence", "chinese"),
    [
        ("report.pdf is not a PDF. Save or print it as a PDF, then upload that.", "report.pdf 不是 PDF。请另存或打印为 PDF 后再上传。"),
        ("Pages 4-9, 12 have no text.", "第 4-9, 12 页没有文字。"),
        ("Page 2 could not be read. Pages 1, 3, 5, 7, 9, 11 and 94 more were read by text recognition. Page 4 is empty.",
         "第 2 页无法读取。第 1, 3, 5, 7, 9, 11 及另外 94 页由文字识别读出。第 4 页为空白页。"),
        ("The reranker did not answer, so the fused order is used. Cohere had an internal error. Try again later.",
         "重排模型没有响应，因此采用合并后的次序。Cohere 内部出错，请稍后再试。"),
        ("A sentence that nobody has translated.", "A sentence that nobody has translated."),
    ],
)  # fmt: skip
def test_a_sentence_of_the_back_end_is_found_by_its_pattern(sentence: str, chinese: str) -> None:
    assert i18n.translate(sentence, "zh") == chinese


@pytest.mark.parametrize(
    ("locale", "spoken"),
    [("zh-CN", "zh"), ("zh", "zh"), ("zh-Hans-CN", "zh"), ("zh_TW", "zh"), ("en-GB", "en"), ("de", "en"), (None, "en")],
)
def test_the_language_follows_the_browser(monkeypatch: pytest.MonkeyPatch, locale: str | None, spoken: str) -> None:
    class Context:
        pass

    context = Context()
    context.locale = locale  # type: ignore[attr-defined]  # what st.context has of it
    monkeypatch.setattr(i18n.st, "context", context)
    assert i18n.language() == spoken


def test_a_chinese_reader_sees_chinese_pages(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "language", lambda: "zh")
    assert "向您的文档提问" in shown(open_app())
    assert "还没有文档。" in shown(open_app("pages/documents.py"))


def test_a_chosen_language_goes_before_the_browsers(deps: Deps) -> None:
    prefer(deps, SUBJECT, language="zh")
    assert "还没有文档。" in shown(open_app("pages/documents.py"))
    prefer(deps, SUBJECT, language="")
    assert "还没有文档。" not in shown(open_app("pages/documents.py"))
