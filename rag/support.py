"""Whether what was found holds an answer, told without a model from what retrieval knows (pure).

Three signs, each of which a question about something else lacks: how near the nearest passage is (cosine of the built-in embedder), how
much of the question the best passage says, and how much all of them say together; a term that few passages hold counts for more, so that a
name or a year that no passage mentions weighs most. The weights are those of a logistic regression on dragonball_dev, rounded: questions of
one half of its documents asked with and without the documents that answer them. `python -m bench.abstention` fits them again and reports
the other half, and sets that the fit has not seen (docs/decisions/0031-knowing-when-not-to-answer.md).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from rag import text
from rag.trace import Stage

if TYPE_CHECKING:
    from rag.trace import Result

CALIBRATED = "multilingual-e5-small/sif"  # rag.providers.e5
# constant, nearness, best, all
WEIGHTS = (-36.0, 36.0, 8.0, 3.0)
WITHOUT_NEARNESS = (-3.25, 0.0, 8.5, 3.0)  # cosines of other embedders are on other scales
ENOUGH = 0.4  # refusing what could be answered is worse than quoting what does not answer: the sources stand beside it either way
PASSAGES = 20  # rarity is counted as if there were as many; in a single passage nothing would be rare
ACROSS = 0.83  # nearness from which a passage in another language than the question's is taken to be about it; none of its words can match


@dataclass(frozen=True, kw_only=True)
class Support:
    """How likely it is that the passages found hold an answer, and whether that is likely enough to quote them."""

    score: float  # 0 to 1
    holds: bool


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What the score is made of, each 0 to 1."""

    nearness: float  # cosine of the nearest passage
    best: float  # share of the question's terms, by rarity, that the passage with the most of them holds
    all: float  # and that the passages hold together


def supported(question: str, result: Result) -> Support:
    """Whether the hits of a search hold an answer to its question."""
    if not result.hits:
        return Support(score=0.0, holds=False)
    found = signs(question, result)
    if not _is_calibrated(result):
        return _support(WITHOUT_NEARNESS, found)
    if _is_across(question, result):
        return _support((-WEIGHTS[1] * ACROSS + math.log(ENOUGH / (1 - ENOUGH)), WEIGHTS[1], 0.0, 0.0), found)
    return _support(WEIGHTS, found)


def signs(question: str, result: Result) -> Signs:
    """The signs of support. Rarity is counted among the hits, so that no statistics are needed."""
    held = [frozenset(text.terms(hit.chunk.indexed_text)) for hit in result.hits]
    holders = Counter(term for terms in held for term in terms)
    rarity = {term: math.log((max(len(held), PASSAGES) + 1) / (holders[term] + 0.5)) for term in text.parse_query(question).terms}
    whole = sum(rarity.values()) or 1.0
    dense = result.trace.stages.get(Stage.DENSE, ())
    return Signs(
        nearness=dense[0][1] if dense else 0.0,
        best=max((sum(rarity[term] for term in terms & rarity.keys()) / whole for terms in held), default=0.0),
        all=sum(weight for term, weight in rarity.items() if holders[term]) / whole,
    )


def _support(weights: tuple[float, ...], found: Signs) -> Support:
    likely = 1 / (1 + math.exp(-sum(w * sign for w, sign in zip(weights, (1.0, *astuple(found)), strict=True))))
    return Support(score=likely, holds=likely >= ENOUGH)


def _is_calibrated(result: Result) -> bool:
    return result.trace.embedder == CALIBRATED and bool(result.trace.stages.get(Stage.DENSE))


def _is_across(question: str, result: Result) -> bool:
    """Whether the passage that is nearest in meaning is in another language than the question."""
    nearest = min(result.hits, key=lambda hit: hit.stages[Stage.DENSE].rank if Stage.DENSE in hit.stages else math.inf)
    languages = {text.language(question), text.language(nearest.chunk.text)}
    return languages == {"en", "zh"}
