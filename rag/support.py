"""Whether what was found holds an answer, told without a model from what retrieval knows (pure).

Two signs, each of which a question about something else lacks: how near the nearest passage is (cosine of the built-in embedder), and how
much of the question the passages say. A term counts by its rarity in writing at large, as the embedder's vocabulary has it: a name or a year
that no passage mentions weighs most, and "how much did" next to nothing. Rarity among the hits would be misleading: in a library about one
company they all hold its name, and what remains of a question is how it is put. The weights are round numbers near a logistic regression on
half of dragonball_dev, with more trust in the words than it has (docs/decisions/0031-knowing-when-not-to-answer.md).
"""

from __future__ import annotations

import math
import re
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from rag import text
from rag.trace import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from rag.trace import Result

CALIBRATED = "multilingual-e5-small/sif"  # rag.providers.e5
WEIGHTS = (-28.25, 25.0, 10.0)  # constant, nearness, said
WITHOUT_NEARNESS = (-4.0, 0.0, 10.0)  # cosines of other embedders are on other scales
ENOUGH = 0.5
COMMON, COMMON_HAN = 10.0, 14.0  # rarity of the commonest words, which counts as none; Chinese ones have no space before them, which costs
NUMBER = 4.0  # what a year or a figure counts at least: it is common, and yet what is asked for
ACROSS = 0.83  # nearness from which a passage in another language than the question's is taken to be about it; none of its words can match

_HAN = re.compile(f"[{text.HAN}]")


@dataclass(frozen=True, kw_only=True)
class Support:
    """How likely it is that the passages found hold an answer, and whether that is likely enough to quote them."""

    score: float  # 0 to 1
    holds: bool


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What the score is made of, each 0 to 1."""

    nearness: float  # cosine of the nearest passage
    said: float  # share of the question's terms, by rarity, that the passages hold


def supported(question: str, result: Result, rarity: Callable[[str], float]) -> Support:
    """Whether the hits of a search hold an answer to its question; `rarity` as a rag.providers.LocalEmbedder tells it."""
    if not result.hits:
        return Support(score=0.0, holds=False)
    found = signs(question, result, rarity)
    if not _is_calibrated(result):
        return _support(WITHOUT_NEARNESS, found)
    if _is_across(question, result):
        return _support((-WEIGHTS[1] * ACROSS, WEIGHTS[1], 0.0), found)
    return _support(WEIGHTS, found)


def signs(question: str, result: Result, rarity: Callable[[str], float]) -> Signs:
    """The signs of support."""
    held = frozenset(term for hit in result.hits for term in text.terms(hit.chunk.indexed_text))
    weights = _weights(text.parse_query(question).text or question, rarity)
    dense = result.trace.stages.get(Stage.DENSE, ())
    return Signs(
        nearness=dense[0][1] if dense else 0.0,
        said=sum(weight for terms, weight in weights.items() if terms & held) / (sum(weights.values()) or 1.0),
    )


def _weights(question: str, rarity: Callable[[str], float]) -> dict[frozenset[str], float]:
    """What each word counts, by the terms that it is found by. A stem would be rarer than its word: words are weighed as they are written."""
    weights: dict[frozenset[str], float] = {}
    for word in text.words(question):
        if not _HAN.search(word) and (terms := frozenset(text.terms(word))):
            weights[terms] = max(0.0, rarity(word) - COMMON, NUMBER if any(map(str.isdigit, word)) else 0.0)
    for term in text.terms(question):
        if term.startswith("~"):  # bigrams: names are in no dictionary, which makes words of them that nothing else holds
            weights[frozenset({term})] = max(0.0, rarity(term) - COMMON_HAN)
    # a question of common words only is weighed evenly
    return weights if any(weights.values()) else {frozenset({term}): 1.0 for term in text.terms(question)}


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
