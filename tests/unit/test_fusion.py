"""Fusion of ranked lists."""

from __future__ import annotations

import pytest

from rag import fusion


def test_reciprocal_rank_fusion_sums_over_lists() -> None:
    fused = fusion.reciprocal_rank_fusion([(0.7, ["a", "b"]), (0.3, ["b", "c"])], k=60)
    assert fused == {"a": pytest.approx(0.7 / 61), "b": pytest.approx(0.7 / 62 + 0.3 / 61), "c": pytest.approx(0.3 / 62)}


def test_a_list_that_did_not_find_a_chunk_gives_it_nothing() -> None:
    assert fusion.reciprocal_rank_fusion([(1.0, ["a"]), (1.0, [])]) == fusion.reciprocal_rank_fusion([(1.0, ["a"])])


def test_order_breaks_ties_by_key() -> None:
    assert fusion.order({(2, 1): 1.0, (1, 9): 1.0, (1, 2): 2.0}) == [(1, 2), (1, 9), (2, 1)]


def test_standardised_scores_have_mean_zero_and_deviation_one() -> None:
    scores = fusion.standardise({"a": 1.0, "b": 2.0, "c": 6.0})
    assert sum(scores.values()) == pytest.approx(0)
    assert sum(s * s for s in scores.values()) / 3 == pytest.approx(1)


def test_equal_scores_standardise_to_zero() -> None:
    assert fusion.standardise({"a": 3.0, "b": 3.0}) == {"a": 0.0, "b": 0.0}


def test_a_score_sum_gives_a_lists_worst_nothing_and_weighs_the_lists() -> None:
    fused = fusion.score_sum([(2.0, {"a": 3.0, "b": 1.0}), (1.0, {"b": 5.0, "c": 3.0})])
    assert fused == {"a": pytest.approx(4.0), "b": pytest.approx(2.0), "c": pytest.approx(0.0)}


def test_a_score_sum_credits_nothing_for_an_empty_list() -> None:
    assert fusion.score_sum([(1.5, {"a": 2.0, "b": 1.0}), (1.0, {})]) == fusion.score_sum([(1.5, {"a": 2.0, "b": 1.0})])
