"""Plain text, with or without Markdown's marks -> elements, so that chunking treats it as it treats a PDF (pure)."""

from __future__ import annotations

import re

from rag.layout import Element
from rag.page import Page
from rag.pdf import Reading

_HEADING = re.compile(r"(#{1,6})\s+(\S.*?)\s*#*")
_BOLD = re.compile(r"\*\*([^*]{1,120})\*\*[:：]?|__([^_]{1,120})__[:：]?")  # a line that is bold as a whole heads what follows
_BELOW_HEADINGS = 7  # the level of such a line
_RULE = re.compile(r"(?:[-*_=]\s?){3,}")
_ITEM = re.compile(r"(?:[-*+•]|\d{1,3}[.)])\s+\S")
_ENDED = (".", "!", "?", ":", ";", "。", "！", "？", "：", "；", "”", '"', ")", "）")


def read(text: str, *, title: str) -> Reading:
    """A reading of one page without boxes. A line is a paragraph, unless it goes on with the sentence of the line before."""
    elements: list[Element] = []
    apart = True  # whether a blank line, a heading or a rule stands before
    for line in (line.strip() for line in text.splitlines()):
        if not line or _RULE.fullmatch(line):
            apart = True
        elif heading := _HEADING.fullmatch(line):
            elements.append(_element("Title", _bare(heading[2]), level=len(heading[1])))
            apart = True
        elif bold := _BOLD.fullmatch(line):
            elements.append(_element("Title", (bold[1] or bold[2]).strip(" :："), level=_BELOW_HEADINGS))
            apart = True
        elif _ITEM.match(line):
            elements.append(_element("ListItem", line))
            apart = False
        elif not apart and line[0].islower() and not elements[-1].text.endswith(_ENDED):
            elements[-1] = _element(elements[-1].kind, f"{elements[-1].text} {line}")
        else:
            elements.append(_element("NarrativeText", line))
            apart = False
    page = Page(number=1, label="", width=1, height=1, source="text", note="")
    return Reading(title=title, author="", bookmarks=(), pages=(page,), elements=tuple(elements))


def _bare(heading: str) -> str:
    return heading.replace("**", "").strip()


def _element(kind: str, text: str, *, level: int = 0) -> Element:
    return Element(kind=kind, text=text, page=1, spans=(), level=level)  # type: ignore[arg-type]  # one of Kind's, written above
