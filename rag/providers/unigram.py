"""SentencePiece's Unigram tokenizer: a text becomes the sequence of pieces whose probabilities have the greatest product.

Method: Kudo, Subword Regularization (ACL 2018), section 3.2, by the Viterbi algorithm. The `tokenizers` library does the same, but takes
265 MB for the 250,000 pieces of multilingual-e5 and 1.2 s to build them; this takes 30 MB, and about 1 ms for a passage that then takes
25 ms to embed. tests/unit/test_e5_tokens.py compares the two.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

WORD_START = "\u2581"  # stands for the space before a word; no piece holds it further in, so words are independent
REMEMBERED = 20_000  # words


class Unigram:
    """A vocabulary, ready to tokenize. Safe to share between threads."""

    def __init__(self, pieces: Sequence[str], scores: NDArray[np.float32], characters: Mapping[int, str], unknown: int) -> None:
        """A piece's index is its token id, its score the natural logarithm of its probability. A score of 0 marks control pieces
        ("<s>", "<mask>"), which are never found in a text. `characters` normalises, as str.translate takes it.
        """
        self._ids = {piece: token for token, piece in enumerate(pieces) if scores[token] < 0}
        self._scores: list[float] = scores.tolist()
        self._characters = characters
        self._unknown = unknown
        self._unknown_score = float(scores.min()) - 10
        self._reach: dict[str, int] = {}  # length of the longest piece that begins with a character
        for piece in self._ids:
            self._reach[piece[0]] = max(self._reach.get(piece[0], 1), len(piece))
        self._word = functools.lru_cache(maxsize=REMEMBERED)(self._best)

    def encode(self, text: str) -> list[int]:
        """The token ids of the text; surrounding and repeated space does not count."""
        # The normalisation maps single characters, so letters and their accents are composed first.
        words = unicodedata.normalize("NFC", text).translate(self._characters).split()
        return [token for word in words for token in self._word(WORD_START + word)]

    def _best(self, word: str) -> tuple[int, ...]:
        size = len(word)
        scores = [0.0] + [-np.inf] * size  # of the best path to each place between two characters
        steps = [(0, self._unknown)] * (size + 1)  # the last step of that path: where it began, and its piece
        for start in range(size):
            reached = scores[start]
            for end in range(start + 1, min(start + self._reach.get(word[start], 1), size) + 1):
                token = self._ids.get(word[start:end])
                if token is not None and (score := reached + self._scores[token]) > scores[end]:
                    scores[end] = score
                    steps[end] = (start, token)
            if reached + self._unknown_score > scores[start + 1]:
                scores[start + 1] = reached + self._unknown_score
                steps[start + 1] = (start, self._unknown)
        path: list[int] = []
        place = size
        while place:
            place, token = steps[place]
            if token != self._unknown or path[-1:] != [token]:  # neighbouring unknowns are one, as they were in training
                path.append(token)
        return tuple(reversed(path))
