"""Plain text and Markdown become the elements that a PDF's pages become."""

from __future__ import annotations

from rag import chunking, plain_text

MARKDOWN = """# Judgment of the court

---

## Facts

The accused entered the shop
and left with a lamp. He paid nothing.
Nobody saw him.

**Evidence:**
- A lamp
- A receipt
  for another lamp

一、本院认为
被告人的行为已构成犯罪。
"""


def test_headings_lists_and_paragraphs_are_told_apart() -> None:
    found = [(e.kind, e.level, e.text) for e in plain_text.read(MARKDOWN, title="").elements]
    assert found == [
        ("Title", 1, "Judgment of the court"),
        ("Title", 2, "Facts"),
        ("NarrativeText", 0, "The accused entered the shop and left with a lamp. He paid nothing."),
        ("NarrativeText", 0, "Nobody saw him."),
        ("Title", 7, "Evidence"),
        ("ListItem", 0, "- A lamp"),
        ("ListItem", 0, "- A receipt for another lamp"),
        ("NarrativeText", 0, "一、本院认为"),
        ("NarrativeText", 0, "被告人的行为已构成犯罪。"),
    ]


def test_sections_and_title_reach_the_chunks() -> None:
    reading = plain_text.read(MARKDOWN + "The lamp was found at his home. " * 40, title="Court of Glenwood")
    drafts = chunking.chunk(reading, filename="", count_tokens=lambda text: len(text.split()), max_tokens=400)
    assert "Facts" in drafts[0].heading or "Facts" in drafts[0].text
    assert "Court of Glenwood" in drafts[0].context
    assert (drafts[0].first_page, drafts[0].last_page) == (1, 1)


def test_a_text_without_words_has_no_elements() -> None:
    assert plain_text.read("\n---\n \n", title="").elements == ()
