"""The built-in embedder: multilingual-e5-small, run here by onnxruntime. No key, no download, nothing leaves the machine.

Method: Wang et al., Multilingual E5 Text Embeddings (2024): "query: " or "passage: " in front of the text, a mean of the last hidden states,
scaled to unit length. The mean is weighted by smooth inverse frequency (Arora, Liang and Ma, A Simple but Tough-to-Beat Baseline for
Sentence Embeddings, ICLR 2017, section 3), with the vocabulary's own probabilities: docs/decisions/0021-weighted-pooling.md.
"""

from __future__ import annotations

import itertools
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from rag.providers import Meter, e5_weights, unmetered
from rag.providers.unigram import Unigram

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rag.providers.e5_weights import Floats

QUERY = "query: "
PASSAGE = "passage: "
SMOOTHING = 1e-3  # a in a / (a + p(token)), as in the paper


@dataclass(frozen=True, kw_only=True)
class States:
    """The last hidden states of one text, prefix and end marks left out."""

    tokens: NDArray[np.int64]  # shape (n,): ids of the vocabulary's pieces
    vectors: Floats  # shape (n, dimensions)


@dataclass(frozen=True, kw_only=True)
class _Engine:
    session: onnxruntime.InferenceSession
    tokenizer: Unigram
    weights: e5_weights.Weights
    positions: Floats  # position and type vectors, shape (max positions, dimensions)
    prefixes: dict[str, list[int]]  # each prefix with the begin mark in front, as token ids


class E5:
    """An `Embedder`. The first call loads the model (about 2 s, 250 MB); safe to share between threads.

    Any call raises SettingsError when the model's weights are missing or not as expected.
    """

    name = "multilingual-e5-small/sif"  # model and pooling: vectors of one pooling are not compared with those of another
    recipient: str | None = None
    dimensions = 384
    max_tokens = 512 - 5  # the model's 512, less begin and end mark and the three pieces of the longer prefix

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: _Engine | None = None

    def count_tokens(self, text: str) -> int:
        """Tokens of the text itself, without prefix and marks: what fits `max_tokens` is embedded in one piece."""
        return len(self._tokens(text))

    def embed_documents(self, texts: Sequence[str], _meter: Meter = unmetered, /) -> Floats:
        """Unit vectors, shape (len(texts), 384). A longer text is split into equal parts; all their tokens count."""
        return np.stack([self._embed(text, PASSAGE) for text in texts]) if texts else np.zeros((0, self.dimensions), np.float32)

    def embed_query(self, text: str, _meter: Meter = unmetered, /) -> Floats:
        """A unit vector, shape (384,)."""
        return self._embed(text, QUERY)

    def document_states(self, texts: Sequence[str]) -> list[States]:
        """The hidden states of each text's tokens, as a passage."""
        return [self._states(text, PASSAGE) for text in texts]

    def query_states(self, text: str) -> States:
        """The hidden states of the text's tokens, as a query."""
        return self._states(text, QUERY)

    def log_probabilities(self, tokens: NDArray[np.int64]) -> Floats:
        """The vocabulary's own log probability of each token, learnt from the corpus that the tokenizer was trained on. Shape (n,)."""
        return self._loaded().weights.scores[tokens]

    def rarity(self, term: str) -> float:
        """By its pieces' probabilities; a bigram's mark does not count."""
        return -float(self.log_probabilities(np.array(self._tokens(term.lstrip("~")), dtype=np.int64)).sum())

    def pieces(self, tokens: NDArray[np.int64]) -> list[str]:
        """The tokens' spelling; a leading "▁" stands for the space before a word."""
        pieces = self._loaded().weights.pieces
        return [pieces[token] for token in tokens]

    def _loaded(self) -> _Engine:
        if self._engine is None:
            with self._lock:
                if self._engine is None:
                    self._engine = _load()
        return self._engine

    def _tokens(self, text: str) -> list[int]:
        return self._loaded().tokenizer.encode(text)

    def _run(self, tokens: list[int], prefix: str) -> tuple[Floats, int]:
        """All hidden states of prefix + tokens, and how many of them come before the text's own."""
        engine = self._loaded()
        weights = engine.weights
        before = engine.prefixes[prefix]
        ids = np.array([*before, *tokens, weights.end])
        words = e5_weights.unpack(weights.blocks("emb.word", self.dimensions)[ids])
        (states,) = engine.session.run(["states"], {"embeddings": (words + engine.positions[: len(ids)])[None]})
        return states[0], len(before)

    def _parts(self, tokens: list[int]) -> list[list[int]]:
        count = max(1, -(-len(tokens) // self.max_tokens))
        bounds = [len(tokens) * part // count for part in range(count + 1)]
        return [tokens[start:end] for start, end in itertools.pairwise(bounds)]

    def _embed(self, text: str, prefix: str) -> Floats:
        states = self._states(text, prefix)
        if not len(states.tokens):  # nothing but the prefix
            mean = self._run([], prefix)[0].mean(axis=0)
        else:
            weights = SMOOTHING / (SMOOTHING + np.exp(self.log_probabilities(states.tokens)))
            mean = weights @ states.vectors
        vector: Floats = mean / np.linalg.norm(mean)
        return vector

    def _states(self, text: str, prefix: str) -> States:
        tokens = self._tokens(text)
        vectors = []
        for part in self._parts(tokens):
            states, before = self._run(part, prefix)
            vectors.append(states[before : before + len(part)])
        return States(tokens=np.array(tokens, np.int64), vectors=np.concatenate(vectors))


def _load() -> _Engine:
    weights = e5_weights.load(e5_weights.find())
    tokenizer = Unigram(weights.pieces, weights.scores, weights.characters, weights.unknown)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _cores()
    options.log_severity_level = 3
    # Threads that wait by spinning gain a tenth on an idle machine and lose a factor of three when worker and server share the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # On x86 without VNNI the fast int8 product overflows: take the exact one there.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(
        e5_weights.graph(weights),
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=["SkipLayerNormFusion"],  # the fused node runs on one core: 25 ms where add and normalise take 7
    )
    return _Engine(
        session=session,
        tokenizer=tokenizer,
        weights=weights,
        positions=weights.floats("emb.pos").reshape(-1, E5.dimensions) + weights.floats("emb.type")[: E5.dimensions],
        prefixes={prefix: [weights.begin, *tokenizer.encode(prefix)] for prefix in (QUERY, PASSAGE)},
    )


def _cores() -> int:
    """Cores this process may use (a container's cpuset included, where the system tells)."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
