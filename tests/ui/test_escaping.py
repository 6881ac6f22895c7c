from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from pages.parts.escape import plain, shortened


@pytest.mark.parametrize(
    "text",
    ["**bold**", "![x](http://127.0.0.1/x.png)", "<b>b</b>", "[a](b)", "`code`", "# title", "1. one", "a_b_c", "\\", "$x$", "- a", "> q"],
)
def test_markdown_shows_escaped_text_as_it_stands(text: str) -> None:
    rendered = MarkdownIt("commonmark", {"html": True}).parse(plain(text))
    (inline,) = [t for t in rendered if t.type == "inline"]
    assert [t.type for t in rendered] == ["paragraph_open", "inline", "paragraph_close"]
    assert "".join(t.content for t in inline.children or []) == text


def test_line_breaks_and_control_characters_become_spaces() -> None:
    assert plain("a\n\n\x07b") == "a b"


def test_a_long_text_is_shortened_with_an_ellipsis() -> None:
    assert shortened("lighthouse", 6) == "light…"
    assert shortened("lamp", 6) == "lamp"
