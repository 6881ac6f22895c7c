"""Sentences of two documents that say the same with different figures (pure). Rather no notice than a wrong one.

They must share nearly every word and all names, one that the question asks about among them, and be of the same years as far as they, or the headings
above them, tell one. Different years alone differ only where the question asks for a time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag import text

NOTICE = "These documents give different figures. Compare them."
ALIKE = 0.7  # share of their words that both sentences have
FEWEST = 4  # words that both have

_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
_WHEN = re.compile(r"\bwhen\b|\b(?:which|what) (?:year|date|day|month)\b|何时|什么时候|什么时间|哪一?年|哪一?天|日期", re.IGNORECASE)
_NAME = re.compile(
    rf"(?<=[a-z,;] )[A-Z][\w&-]+|[A-Z][\w&-]+(?= [A-Z])|[{text.HAN}A-Za-z]{{2,16}}?(?:公司|集团|银行|医院|大学|学院|法院|研究院|协会|基金|中心)"
)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A sentence, and what stands above it in its document."""

    document: str
    text: str
    above: str


def differ(question: str, one: Statement, other: Statement) -> bool:
    """Whether the statements answer the question alike but for their figures."""
    if one.document == other.document or text.language(one.text) != text.language(other.text):
        return False
    terms, others = frozenset(text.terms(one.text)), frozenset(text.terms(other.text))
    figures, other_figures = _figures(terms), _figures(others)
    only, only_other = figures - other_figures, other_figures - figures
    if not only or not only_other:
        return False
    words, other_words = terms - figures, others - other_figures
    shared = words & other_words
    if len(shared) < max(FEWEST, ALIKE * len(words | other_words)):
        return False
    names, asked = frozenset(_NAME.findall(one.text)), frozenset(text.terms(question))
    if names != frozenset(_NAME.findall(other.text)) or not any(asked & frozenset(text.terms(name)) for name in names):
        return False
    if any(map(_YEAR.fullmatch, only | only_other)):
        return bool(_WHEN.search(question)) and all(map(_YEAR.fullmatch, figures | other_figures))
    periods, other_periods = (frozenset(_YEAR.findall(statement.above)) for statement in (one, other))
    return not periods or not other_periods or periods == other_periods


def _figures(terms: frozenset[str]) -> frozenset[str]:
    return frozenset(term for term in terms if any(map(str.isdigit, term)))
