"""Markdown that is written out shows text as it stands, and nothing of it is active."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from db.conversations import Part
from rag.answer_tree import answer_tree
from rag.markdown import literal, written

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
ACTIVE = {"link_open", "image", "html_inline", "html_block"}

HOSTILE = [
    "![x](http://evil.example/x.png)",
    "[click](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<http://evil.example>",
    "[1]: http://evil.example",
    "[^1]: a footnote of its own",
    "&lt;b&gt; &#60; &amp;",
    "\\[x\\](http://evil.example)",
    "\\\\[x](http://evil.example)",
    "`code` ``more`` ```",
    "# Heading",
    "- item",
    "1. item",
    "12) item",
    "> quoted",
    ">quoted",
    "---",
    "===",
    "a | b",
    "*em* **strong** _em_ __strong__ ~~out~~ snake_case _a",
    "$x$ and $5 to $6",
    "a trailing backslash \\",
    "水稻增长了**两成**！[链接](http://evil.example)",
    "see www.evil.example or me@evil.example",
    "<!-- comment",
    "![",
]


def tokens(markdown: str) -> list[Token]:
    found: list[Token] = []
    for token in READER.parse(markdown):
        found += [token, *(token.children or [])]
    return found


def active(markdown: str) -> set[str]:
    return {token.type for token in tokens(markdown)} & ACTIVE


def read(markdown: str) -> str:
    """The one paragraph that a reader sees."""
    html = READER.render(markdown)
    assert html.startswith("<p>"), html
    assert html.endswith("</p>\n"), html
    assert "<" not in html[3:-5], html
    return unescape(html[3:-5])


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_shown_as_it_stands(text: str) -> None:
    assert read(literal(text)) == text


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1).filter(str.strip))
@example("\\")
@example("+ =")
def test_any_text_is_shown_as_it_stands(text: str) -> None:
    assert read(literal(text)) == " ".join(text.split())


@given(st.lists(st.sampled_from([*HOSTILE, "\n\n", " ", "\n", "[", "](", ")", "!", "<", "a", ">", "http", "://x.y"]), min_size=1))
def test_pieces_that_meet_make_nothing_active(pieces: list[str]) -> None:
    assert active(export(*[(piece, (n,) if n % 2 else ()) for n, piece in enumerate(pieces)])) == set()


def export(*parts: tuple[str, tuple[int, ...]], uncited: str = "not yours") -> str:
    def cite(number: int) -> list[Any]:
        return ["button", {}, str(number)]

    return written(answer_tree([Part(text=t, citations=c) for t, c in parts], cite, uncited_title="", finished=True), uncited=uncited)


def test_an_answer_keeps_its_shape_and_its_numbers() -> None:
    text = export(
        ("Two **things** rose:\n\n", ()),
        ("- revenue, by `5 %`", (1,)),
        ("\n- costs\n  1. of repairs", (2, 3)),
        ("\n\n| Year | Profit |\n|---|---|\n| 2024 | 7.4 |", (1,)),
        ("\n\n> It was so.", (4,)),
        ("\n\n**All of it.**", (5,)),
        ("\n\n```py\nx = [1](2)\n```", (6,)),
    )
    assert text.split("\n\n") == [
        "Two **things** rose:",
        "- revenue, by `5 %`[1]\n- costs\n  1. of repairs[2][3]",
        "| Year | Profit |\n| --- | --- |\n| 2024 | 7.4[1] |",
        "> It was so.[4]",
        "**All of it.[5]**",
        "```\nx = [1](2)\n```",
        "[6]",
    ]
    assert active(text) == set()


def test_what_rests_on_no_citation_stands_behind_words_that_say_so() -> None:
    text = export(("Profit rose.", (1,)), (" I like **that**. Very much.", ()), (" Costs fell.", (2,)), ("\n\n- Buy.", ()))
    assert text == "Profit rose.[1] (not yours: I like **that**. Very much.) Costs fell.[2]\n\n- (not yours: Buy.)"
    assert "(" not in export(("I like that.", ()), uncited="")


def test_a_number_and_what_follows_it_are_no_link() -> None:
    text = export(("Profit rose", (1,)), ("(http://evil.example)", (2,)), (": so it is.", (3,)))
    assert active(text) == set()
    assert "[1]" in text


def test_links_and_images_lose_their_address() -> None:
    text = export(("See [the report](http://evil.example/a) and ![a chart](http://evil.example/b).", (1,)))
    assert text == "See the report and a chart.[1]"
