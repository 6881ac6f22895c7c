"""Text that a page holds but does not show: in white on white, under a picture, on a layer that is off, too small to read...

It is found by looking, whatever the trick: the page is drawn with its text and without, and a word is seen where the two differ. So white letters on a dark
ground stay; marks for machines go, and words meant to be read by a model but not by a person. The text layer of a recognised scan stays,
unseen as it is: it is most of its page's text, where the picture has ink. A few words in invisible ink over what other text shows are marks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from PIL import ImageChops
from pypdfium2 import raw

from rag import pictures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

    from rag.confined import Limits
    from rag.words import Word

CONTRAST = 24  # of 255: fainter differences are paper
MAX_PIXELS = 2_000_000
SMALLEST = 2.0  # points of type on a page of the usual size; no printer of ours makes them legible
NARROWEST = 0.3  # points that a letter takes of its line
_MOST, _ALL = 0.5, 0.9  # shares of a page's text from which it is a scan's layer: in invisible ink, and in black
_LINES = 300  # of the smallest type on the height of a page, where that is lower than usual
MARKS = "[Table_"  # begins the place names that templates of Chinese brokers leave under their pictures, in black


class Ink(IntEnum):
    """How a text object is drawn."""

    DARK = 0  # to be seen, unless something hides it
    PALE = 1  # in white, or almost, or transparent, or on a layer: it may stand where other text is seen
    NONE = 2  # not at all
    LENT = 3  # in letters that neither the file nor this machine has; on another it may be seen


def hidden(page: Any, words: Sequence[Word], inks: Sequence[Ink], objects: Iterable[tuple[Any, Ink]], limits: Limits) -> set[int]:
    """The indexes of the words that a PDFium page does not show; their boxes are as displayed. `objects` are the page's text objects.

    Raises pictures.TooLarge: what is not drawn cannot be looked at.
    """
    objects = list(objects)
    whole = _picture(page, limits)
    over_ink = _over_ink(page, whole)
    found = _unseen(page, whole, words, [at for at, ink in enumerate(inks) if ink is Ink.DARK], objects, limits)
    if _share(words, found) >= _ALL:  # a scan's layer, in black, under the picture
        found = {at for at in found if not over_ink(words[at])}
    if doubtful := [(text, ink) for text, ink in objects if ink in {Ink.PALE, Ink.NONE}]:
        found |= _unseen(page, whole, words, [at for at, ink in enumerate(inks) if ink is Ink.PALE], doubtful, limits)
        inkless = [at for at, ink in enumerate(inks) if ink is Ink.NONE]
        layer = _share(words, inkless) >= _MOST
        found |= {at for at in inkless if not (layer and over_ink(words[at]))}
    smallest = min(SMALLEST, page.get_height() / _LINES)
    return found | {at for at, word in enumerate(words) if not legible(word, smallest)}


def _unseen(
    page: Any, whole: Image, words: Sequence[Word], asked: Sequence[int], objects: Iterable[tuple[Any, Ink]], limits: Limits
) -> set[int]:
    """Those words among the `asked` in whose place the page looks no different without these objects."""
    if not asked:
        return set()
    with _without(text for text, _ in objects):
        seen = _seen(page, whole, _picture(page, limits))
    return {at for at in asked if not seen(words[at])}


def _share(words: Sequence[Word], part: Iterable[int]) -> float:
    """How much of a page's text these words are."""
    return sum(len(words[at].text) for at in part) / max(sum(len(word.text) for word in words), 1)


def legible(word: Word, smallest: float) -> bool:
    """Whether a word is large enough to be read by a person, its height in type and its letters' width."""
    area = (word.x1 - word.x0) * (word.y1 - word.y0)  # its height is about the type size, whichever way it is turned
    return word.size >= smallest and area >= NARROWEST * len(word.text) * word.size


def _picture(page: Any, limits: Limits) -> Image:
    width, height = page.get_size()
    scale = min(1.0, (MAX_PIXELS / max(width * height, 1.0)) ** 0.5)
    bitmap = pictures.drawn(page, limits, scale=scale, grayscale=True)
    picture: Image = bitmap.to_pil().copy()
    bitmap.close()
    return picture


@contextmanager
def _without(objects: Iterable[Any]) -> Iterator[None]:
    """A page that draws none of these."""
    objects = list(objects)
    for each in objects:
        raw.FPDFPageObj_SetIsActive(each, False)
    try:
        yield
    finally:
        for each in objects:
            raw.FPDFPageObj_SetIsActive(each, True)


def _seen(page: Any, one: Image, other: Image) -> Callable[[Word], bool]:
    """Tells whether two pictures of a page differ where a word stands."""
    differing = ImageChops.difference(one, other).point(lambda shade: 255 * (shade >= CONTRAST))
    place = _place(page, one)
    return lambda word: bool(_extremes(differing, place(word))[1])


def _over_ink(page: Any, picture: Image) -> Callable[[Word], bool]:
    """Tells whether a picture of a page has ink where a word stands."""
    place = _place(page, picture)

    def over_ink(word: Word) -> bool:
        darkest, lightest = _extremes(picture, place(word))
        return lightest - darkest >= CONTRAST

    return over_ink


def _place(page: Any, picture: Image) -> Callable[[Word], tuple[int, int, int, int]]:
    """Tells where a word stands in a picture of its page: left, top, right, bottom."""
    columns, rows = picture.size
    width, height = page.get_size()
    across, down = columns / max(width, 1.0), rows / max(height, 1.0)
    return lambda word: (
        max(int(word.x0 * across), 0),
        max(int((height - word.y1) * down), 0),
        min(int(word.x1 * across) + 1, columns),
        min(int((height - word.y0) * down) + 1, rows),
    )


def _extremes(picture: Image, box: tuple[int, int, int, int]) -> tuple[int, int]:
    """The darkest and the lightest shade in a part of a grey picture; 0 and 0 of none."""
    if box[0] >= box[2] or box[1] >= box[3]:
        return 0, 0
    darkest, lightest = picture.crop(box).getextrema()
    return int(darkest), int(lightest)  # type: ignore[arg-type]  # of one band
