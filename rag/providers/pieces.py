"""Texts as an embedding API takes them: calls within its limits, a text beyond the model's window in pieces whose vectors are averaged.

No vendor's tokenizer is at hand offline, so lengths are estimated by script (`rag.windows.tokens`), with a margin on the safe side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rag.errors import PermanentProviderError
from rag.windows import tokens

MARGIN: Final = 1.5  # of an estimate: newer tokenizers count up to a third more
_BLANK: Final = "-"  # stands for a text without any character, which APIs refuse

Call = Callable[[list[str]], Sequence[Sequence[float]]]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one call may hold."""

    texts: int
    tokens: int  # of all texts
    window: int  # tokens of one text


def embedded(texts: Sequence[str], limits: Limits, call: Call, recipient: str) -> NDArray[np.float32]:
    """Unit vectors, shape (len(texts), dimensions), at least one text. Raises what `call` raises, and PermanentProviderError."""
    pieces = [(place, piece) for place, text in enumerate(texts) for piece in _split(text, limits.window)]
    found: list[Sequence[float]] = []
    for batch in _batches([piece for _, piece in pieces], limits):
        answer = call(batch)
        if len(answer) != len(batch):
            raise PermanentProviderError(f"{recipient} returned {len(answer)} vectors for {len(batch)} texts.")
        found += answer
    sums: NDArray[np.float32] = np.zeros((len(texts), len(found[0])), np.float32)
    for (place, piece), vector in zip(pieces, found, strict=True):
        sums[place] += np.asarray(vector, np.float32) * len(piece)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise PermanentProviderError(f"{recipient} returned a vector without a direction.")
    unit: NDArray[np.float32] = sums / lengths
    return unit


def _split(text: str, window: int) -> list[str]:
    """The text in the fewest equal pieces that are surely within the window."""
    text = text if text.strip() else _BLANK
    count = max(1, math.ceil(tokens(text) * MARGIN / window))
    bounds = [len(text) * part // count for part in range(count + 1)]
    return [piece for start, end in pairwise(bounds) if (piece := text[start:end]).strip()]


def _batches(pieces: Sequence[str], limits: Limits) -> Iterator[list[str]]:
    batch: list[str] = []
    held = 0.0
    for piece in pieces:
        size = tokens(piece) * MARGIN
        if batch and (len(batch) == limits.texts or held + size > limits.tokens):
            yield batch
            batch, held = [], 0.0
        batch.append(piece)
        held += size
    yield batch
