"""How good a ranking is, from the ranks at which it found each gold item (pure).

A gold item is found at the rank (from 1) of the first chunk that holds it, or not at all (None). recall@k is the share of the items
found among the first k. nDCG@10 and the reciprocal rank at 10 are trec_eval's (by ir_measures): a chunk that finds something new gains once,
however much it finds, and the ideal ranking finds one item a rank.
"""

from __future__ import annotations

from collections.abc import Sequence

import ir_measures
import numpy as np
from ir_measures import RR, nDCG
from numpy.typing import NDArray

CUTOFFS = (5, 10, 20)
PAGE_CUTOFFS = (1, 5, 10, 20)
DEPTH = 10  # of nDCG and the reciprocal rank
SAMPLES = 2000  # of the bootstrap
SEED = 0

Ranks = Sequence[int | None]  # one per gold item
Array = NDArray[np.float64]


def recall(ranks: Sequence[Ranks], k: int) -> Array:
    """Per question, the share of its gold items found among the first k chunks."""
    return np.array([sum(rank is not None and rank <= k for rank in found) / len(found) for found in ranks])


def hit(ranks: Ranks, k: int) -> Array:
    """Per question, 1 when its best rank is among the first k, else 0."""
    return np.array([float(rank is not None and rank <= k) for rank in ranks])


def ndcg10(ranks: Sequence[Ranks]) -> Array:
    """Per question, nDCG@10 (Järvelin and Kekäläinen 2002, binary gains, log2 discount)."""
    return _trec(ranks, nDCG @ DEPTH)


def mrr10(ranks: Sequence[Ranks]) -> Array:
    """Per question, the reciprocal rank of the first chunk that finds anything, 0 below rank 10."""
    return _trec(ranks, RR)


def interval(values: Array) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean over questions (Efron 1979, percentiles). Of differences per question: the paired interval."""
    dice = np.random.default_rng(SEED)
    means = values[dice.integers(0, len(values), (SAMPLES, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _trec(ranks: Sequence[Ranks], measure: ir_measures.Measure) -> Array:
    judged = {str(at): {f"gold {item}": 1 for item in range(len(found))} for at, found in enumerate(ranks)}
    runs = {str(at): _run(found) for at, found in enumerate(ranks)}
    values = np.zeros(len(ranks))
    for metric in ir_measures.iter_calc([measure], judged, runs):
        values[int(metric.query_id)] = metric.value
    return values


def _run(found: Ranks) -> dict[str, float]:
    """The first DEPTH ranks for trec_eval: a rank's id is the gold item first found there, else one that is not judged."""
    at = {rank: f"gold {item}" for item, rank in reversed(list(enumerate(found))) if rank is not None}
    return {at.get(rank, f"rank {rank}"): float(-rank) for rank in range(1, DEPTH + 1)}
