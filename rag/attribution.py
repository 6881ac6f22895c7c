"""Which sentences of a written span rest on which of its citations (pure).

A model cites a span of its answer; when the span holds several sentences, the citations are those of all together. Each sentence is to
carry its own, so that one which rests on none of them is seen to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rag import sentences, text

TELLING = 4  # letters from which a Latin word tells sentences apart; figures and Chinese words always do


def attributed(span: str, quotes: Mapping[int, str]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The span's sentences, together the very span, each with the numbers of the quotes that it shares a telling word with.

    What no sentence shares a word with was cited for the last. A sentence without any of its own keeps all of them when it is in another
    language than a quote, for then words prove nothing, and none otherwise.
    """
    starts = [start for start, _ in sentences.split(span) if not _in_row(span, start)][1:]
    if not starts or not quotes:
        yield span, tuple(quotes)
        return
    pieces = [span[start:end] for start, end in zip([0, *starts], [*starts, len(span)], strict=True)]
    telling = {number: _telling(quote) for number, quote in quotes.items()}
    found = [[number for number, words in telling.items() if words & _telling(piece)] for piece in pieces]
    spoken = {text.language(quote) for quote in quotes.values()}
    for at, piece in enumerate(pieces):
        if not found[at] and _telling(piece) and spoken != {text.language(piece)}:
            found[at] = list(quotes)
    placed = {number for numbers in found for number in numbers}
    found[-1] += [number for number in quotes if number not in placed]
    for piece, numbers in zip(pieces, found, strict=True):
        yield piece, tuple(numbers)


def _in_row(span: str, at: int) -> bool:
    """Whether a row of a table began before; it is one statement, whatever its cells hold."""
    return span[span.rfind("\n", 0, at) + 1 : at].lstrip().startswith("|")


def _telling(said: str) -> set[str]:
    return {term for term in text.terms(said) if len(term) >= TELLING or not term.isascii() or any(c.isdigit() for c in term)}
