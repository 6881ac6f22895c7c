"""Metrics against cases computed by hand, and what must hold of any ranking."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import metrics

rank = st.one_of(st.none(), st.integers(1, 60))
questions = st.lists(st.lists(rank, min_size=1, max_size=6), min_size=1, max_size=8)


def log2(rank: int) -> float:
    return 1 / math.log2(rank + 1)


def test_recall_counts_the_gold_items_found_among_the_first_k() -> None:
    ranks = [[1, 7, None], [5]]
    assert metrics.recall(ranks, 5).tolist() == pytest.approx([1 / 3, 1])
    assert metrics.recall(ranks, 10).tolist() == pytest.approx([2 / 3, 1])
    assert metrics.recall(ranks, 1).tolist() == pytest.approx([1 / 3, 0])


def test_ndcg_discounts_by_the_logarithm_and_knows_the_ideal() -> None:
    ranks = [[1], [3], [2, None], [1, 2], [11], [4, 2]]
    expected = [1, log2(3), log2(2) / (log2(1) + log2(2)), 1, 0, (log2(2) + log2(4)) / (log2(1) + log2(2))]
    assert metrics.ndcg10(ranks).tolist() == pytest.approx(expected)


def test_a_chunk_that_finds_two_items_gains_once() -> None:
    assert metrics.ndcg10([[1, 1]]).tolist() == pytest.approx([1 / (log2(1) + log2(2))])
    assert metrics.recall([[1, 1]], 5).tolist() == [1]


def test_the_ideal_of_more_than_ten_items_is_ten_of_them() -> None:
    assert metrics.ndcg10([list(range(1, 13))]).tolist() == pytest.approx([1])


def test_the_reciprocal_rank_is_of_the_first_find_within_ten() -> None:
    assert metrics.mrr10([[4, 2], [1], [10], [11], [None]]).tolist() == pytest.approx([1 / 2, 1, 1 / 10, 0, 0])


def test_many_questions_keep_their_places() -> None:
    ranks = [[1] if n % 3 == 0 else [None] for n in range(25)]
    assert metrics.mrr10(ranks).tolist() == [float(n % 3 == 0) for n in range(25)]


def test_a_page_is_hit_or_not() -> None:
    assert metrics.hit([1, 5, 6, None], 5).tolist() == [1, 1, 0, 0]


@given(questions)
def test_no_metric_leaves_its_bounds_and_recall_grows_with_k(ranks: list[list[int | None]]) -> None:
    for values in (metrics.ndcg10(ranks), metrics.mrr10(ranks), metrics.recall(ranks, 20)):
        assert ((values >= 0) & (values <= 1 + 1e-9)).all()
    assert (metrics.recall(ranks, 5) <= metrics.recall(ranks, 10)).all()
    assert (metrics.recall(ranks, 10) <= metrics.recall(ranks, 20)).all()


@given(questions, st.randoms(use_true_random=False))
def test_the_order_of_gold_items_does_not_matter(ranks: list[list[int | None]], dice: random.Random) -> None:
    shuffled = [list(found) for found in ranks]
    for found in shuffled:
        dice.shuffle(found)
    for metric in (metrics.ndcg10, metrics.mrr10, lambda found: metrics.recall(found, 10)):
        assert metric(shuffled).tolist() == pytest.approx(metric(ranks).tolist())


@given(st.lists(rank, min_size=1, max_size=6), st.integers(0, 5))
def test_finding_an_item_earlier_never_costs(found: list[int | None], which: int) -> None:
    free = next(rank for rank in range(1, 60) if rank not in found)
    before = found[which % len(found)]
    if before is None or free < before:
        better = [free if place == which % len(found) else rank for place, rank in enumerate(found)]
        assert metrics.ndcg10([better])[0] >= metrics.ndcg10([found])[0] - 1e-9 or found.count(before) > 1
        assert metrics.mrr10([better])[0] >= metrics.mrr10([found])[0]


def test_an_interval_holds_the_mean_and_shrinks_with_more_questions() -> None:
    few, many = np.array([0.0, 1.0] * 10), np.array([0.0, 1.0] * 1000)
    for values in (few, many):
        low, high = metrics.interval(values)
        assert low < 0.5 < high
    assert np.ptp(metrics.interval(many)) < np.ptp(metrics.interval(few)) / 5


def test_questions_that_agree_leave_no_doubt() -> None:
    assert metrics.interval(np.ones(7)) == (1, 1)
