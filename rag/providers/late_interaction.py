"""The keyless reranker: late interaction over the token states of the built-in embedder.

Each token of the question looks for its nearest token in the passage; a passage's score is the mean of these cosines, a rare token
weighing more than a common one (MaxSim: Khattab and Zaharia, ColBERT, SIGIR 2020, section 3.3; here without further training).
Rarity is the negative log probability that the tokenizer's vocabulary gives a piece, so no statistics of the library are kept; document
frequencies, and centring the states on their mean, did no better on any set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rag.providers import Meter, unmetered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.providers.e5 import E5, States
    from rag.providers.e5_weights import Floats

DEPTH = 30  # candidates of 300 tokens take about a second on two cores


class LateInteraction:
    """A `Reranker` whose score is to be added to the fused one: by itself it is no better, together they are."""

    name = "late interaction (multilingual-e5-small)"
    recipient: str | None = None
    depth = DEPTH
    joins_fusion = True

    def __init__(self, e5: E5) -> None:
        self._e5 = e5

    def rerank(self, query: str, texts: Sequence[str], _meter: Meter = unmetered, /) -> list[float]:
        """Weighted mean cosine, from -1 to 1, of each text. A text or question without tokens scores 0."""
        question = self._e5.query_states(query)
        weights = self._weights(question)
        if not texts or not weights.any():
            return [0.0] * len(texts)
        asked = unit(question.vectors)
        return [score(asked, weights, states.vectors) for states in self._e5.document_states(texts)]

    def _weights(self, question: States) -> Floats:
        """How much each token of the question counts: its rarity; punctuation nothing, unless there is nothing else."""
        rarity = -self._e5.log_probabilities(question.tokens)
        words = np.array([any(map(str.isalnum, piece)) for piece in self._e5.pieces(question.tokens)], bool)
        return rarity * words if words.any() else np.ones_like(rarity)


def score(asked: Floats, weights: Floats, vectors: Floats) -> float:
    """Weighted mean, over the question's unit vectors, of the greatest cosine with any of the passage's states; 0 for no states."""
    if not len(vectors):
        return 0.0
    nearest = (asked @ unit(vectors).T).max(axis=1)
    return float(nearest @ weights / weights.sum())


def unit(vectors: Floats) -> Floats:
    """Each row scaled to length 1."""
    scaled: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled
