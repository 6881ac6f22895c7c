"""Combining ranked lists (pure). A chunk that a list did not find gets no credit from it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from statistics import fmean, pstdev
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T", bound=tuple[int, int])

RRF_K = 60  # Cormack, Clarke and Buettcher 2009, section 2


def reciprocal_rank_fusion(rankings: Sequence[tuple[float, Sequence[K]]], *, k: int = RRF_K) -> dict[K, float]:
    """Sum over the lists of weight / (k + rank), rank from 1: (weight, keys best first) per list (Cormack, Clarke and Buettcher 2009)."""
    fused: dict[K, float] = {}
    for weight, ranking in rankings:
        for rank, key in enumerate(ranking, start=1):
            fused[key] = fused.get(key, 0.0) + weight / (k + rank)
    return fused


def score_sum(lists: Sequence[tuple[float, Mapping[K, float]]]) -> dict[K, float]:
    """Weighted sum over the lists of standardised scores, each list's worst counting 0: (weight, scores by key) per list.

    Unlike ranks, scores tell a clear winner from a near tie.
    """
    fused: dict[K, float] = {}
    for weight, scores in lists:
        standard = standardise(scores)
        worst = min(standard.values(), default=0.0)
        for key, score in standard.items():
            fused[key] = fused.get(key, 0.0) + weight * (score - worst)
    return fused


def standardise(scores: Mapping[K, float]) -> dict[K, float]:
    """Scores as z-scores: mean 0, standard deviation 1 (all 0 when they do not differ)."""
    if not scores:
        return {}
    mean, deviation = fmean(scores.values()), pstdev(scores.values())
    return {key: (score - mean) / deviation if deviation else 0.0 for key, score in scores.items()}


def order(scores: Mapping[T, float]) -> list[T]:
    """Keys by score, best first; ties by key, so that an order never depends on chance."""
    return sorted(scores, key=lambda key: (-scores[key], key))
