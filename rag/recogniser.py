"""The child process that reads pictures of pages with RapidOCR (``python -m rag.recogniser`` under rag.ocr).

For each request (a picture's path and the size of its page) it tells the page's words. The models come inside the rapidocr package;
nothing is ever fetched. It ends when its standard input does, that is with its parent.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import cv2
import numpy as np
import onnxruntime
import rapidocr
from numpy.typing import NDArray
from omegaconf import OmegaConf
from PIL import Image
from rapidocr.ch_ppocr_cls import TextClassifier
from rapidocr.ch_ppocr_det import TextDetector
from rapidocr.ch_ppocr_rec import TextRecInput, TextRecognizer
from rapidocr.main import DEFAULT_CFG_PATH
from rapidocr.utils.parse_parameters import ParseParams

from rag.confined import Channel
from rag.page import packed
from rag.scans import Line, Quad, facing, height_of, is_tall, length_of, letters, part, read_share, sheets_of
from rag.words import Sheet, is_cjk

MAX_PIXELS = 40_000_000
MAX_SIDE = 5_000  # pixels; a larger picture is made smaller
DETECTED_SIDE = 1600  # pixels of the longer side on which lines are looked for; they are read at full resolution
LEAST_SCORE = 0.5  # of a line; what is less certain is no text
SAMPLE = 6  # lines, the longest, that tell which way up a page is
LEGIBLE = 0.7  # their score when they stand upright
CERTAIN = 0.8  # score of a line that needs no second look

Picture: TypeAlias = NDArray[np.uint8]  # blue, green, red

_MODELS = Path(rapidocr.__file__).parent / "models"


class Models:
    """RapidOCR's detector, direction classifier and recogniser, each in a session of our own making.

    Without arenas and memory patterns, and with lines read one at a time, resident memory stays at 440 MB between pages and 750 MB at its
    peak, little more than half of what the defaults take; and threads that wait do not spin while an embedder shares the cores.
    """

    def __init__(self) -> None:
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        settings = ParseParams.load(DEFAULT_CFG_PATH)

        def section(name: str, model: str, **changes: Any) -> Any:
            chosen = {key: settings[name][key] for key in settings[name]}
            return OmegaConf.create({**chosen, "session": _session(_MODELS / model), **changes}, flags={"allow_objects": True})

        self.detect = TextDetector(section("Det", "PP-OCRv6_det_small.onnx", limit_type="max", limit_side_len=DETECTED_SIDE))
        self.classify = TextClassifier(section("Cls", "ch_ppocr_mobile_v2.0_cls_mobile.onnx"))
        self.read = TextRecognizer(section("Rec", "PP-OCRv6_rec_small.onnx", rec_batch_num=1, font_path=None))


def _session(model: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


class Reader:
    """Pictures of pages read line by line, whichever way up they are."""

    def __init__(self) -> None:
        self._models = Models()

    def recognise(self, picture: Picture, *, page: int, width: float, height: float) -> tuple[tuple[Sheet, ...], int, float]:
        """The words of a picture of a page of that size in points, the quarter turns that bring the page upright, and the confidence."""
        quads = self._detected(picture)
        turned = self._turn(picture, quads)
        if turned:
            picture = np.ascontiguousarray(np.rot90(picture, -turned))
            quads = self._detected(picture)
        size = (height, width) if turned % 2 else (width, height)
        lines = [line for line in self._lines(picture, quads) if line.score >= LEAST_SCORE]
        confidence = sum(line.score * letters(line.quad) for line in lines) / max(sum(map(letters, quads)), 1.0)
        sheets = sheets_of(lines, page=page, pixels=(picture.shape[1], picture.shape[0]), size=size, turned=turned)
        return sheets, turned, round(confidence, 3)

    def _detected(self, picture: Picture) -> list[Quad]:
        """Where lines stand."""
        boxes = self._models.detect(picture).boxes
        return [] if boxes is None else [np.asarray(box, np.float64) for box in boxes]

    def _turn(self, picture: Picture, quads: Sequence[Quad]) -> int:
        """The quarter turns clockwise that bring the page upright: the way in which its longest lines read best.

        Columns of upright characters, as vertical Chinese is set, run down the page and are no reason to turn it.
        """
        lengths = [max(length_of(quad), height_of(quad)) if min(length_of(quad), height_of(quad)) > 0 else 0.0 for quad in quads]
        tall = sum(length for quad, length in zip(quads, lengths, strict=True) if is_tall(quad))
        sideways = 2 * tall > sum(lengths)
        ranked = sorted(zip(lengths, range(len(quads)), strict=True), reverse=True)
        sample = [quads[index] for _, index in ranked if is_tall(quads[index]) == sideways][: 2 * SAMPLE]
        if not sample:
            return 0
        usual, other = (3, 1) if sideways else (0, 2)
        if not sideways and not self._upside_down([cut(picture, facing(quad, usual)) for quad in sample]):
            return 0
        scores = {turn: self._score(picture, sample[:SAMPLE], turn) for turn in (usual, other)}
        best = max(scores, key=lambda turn: scores[turn])
        if scores[best] < LEGIBLE:  # a script that the models do not know reads badly either way
            return 0
        return 0 if best == 3 and self._stacked(picture, sample[:SAMPLE]) else best

    def _upside_down(self, cuts: Sequence[Picture]) -> bool:
        """Whether lines may stand on their heads: a quick guess, for all but a few to be spared a second reading."""
        guesses: Any = self._models.classify(list(cuts)).cls_res
        labels = [label for label, _ in guesses]
        return 3 * sum(1 for label in labels if label == "180") >= len(labels)

    def _score(self, picture: Picture, quads: Sequence[Quad], turn: int) -> float:
        """How well lines read when turned so."""
        lines = [self._line(picture, quad, turn) for quad in quads]
        return sum(line.score * len(line.places) for line in lines) / max(sum(len(line.places) for line in lines), 1)

    def _stacked(self, picture: Picture, quads: Sequence[Quad]) -> bool:
        """Whether the characters of columns stand upright one below another, rather than lie on their sides."""
        upright = lying = 0.0
        for quad in quads[:3]:
            line = self._line(picture, quad, 3)
            half = height_of(line.quad) / length_of(line.quad) / 2
            for place in [place for char, place in zip("".join(line.text.split()), line.places, strict=True) if is_cjk(char)][:6]:
                cell = part(line.quad, max(place - half, 0.0), min(place + half, 1.0))
                lying += self._line(picture, cell, 0).score
                upright += self._line(picture, facing(cell, 1), 0).score
        return upright > lying

    def _lines(self, picture: Picture, quads: Sequence[Quad]) -> Iterator[Line]:
        """Each detected line as it reads best; one that runs down the page may be a letter, a column, or text turned either way."""
        across = [height_of(quad) for quad in quads if not is_tall(quad)]
        letter = 2.2 * median(across) if across else 0.0
        for quad in quads:
            turns = (0,) if not is_tall(quad) else (0, 3, 1) if height_of(quad) <= letter else (3, 1)
            best: Line | None = None
            for turn in turns:
                line = self._line(picture, quad, turn)
                best = line if best is None or line.score > best.score else best
                if best.score >= CERTAIN:
                    break
            if best is not None and best.places:
                yield best

    def _line(self, picture: Picture, quad: Quad, turn: int) -> Line:
        read_so = facing(quad, turn)
        strip = cut(picture, read_so)
        result: Any = self._models.read(TextRecInput(img=[strip], return_word_box=True))
        text, score, found = result.txts[0], float(result.scores[0]), result.word_results[0]
        places = tuple((column + 0.5) / found.line_txt_len for word in found.word_cols for column in word) if text.strip() else ()
        blanks = blanks_of(strip)
        share = read_share(text, places, blanks, strip.shape[0] / strip.shape[1])
        return Line(quad=read_so, turn=turn, text=text, score=score * share, places=places, blanks=blanks)


def cut(picture: Picture, quad: Quad) -> Picture:
    """The part of a picture under a quadrilateral, upright as its corners say."""
    width, height = max(round(length_of(quad)), 4), max(round(height_of(quad)), 4)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), corners)
    flat = cv2.warpPerspective(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return flat.astype(np.uint8, copy=False)


def blanks_of(strip: Picture) -> tuple[tuple[float, float], ...]:
    """The stretches of a line's picture without ink, as shares of its length."""
    grey = cv2.cvtColor(strip, cv2.COLOR_BGR2GRAY)
    _, mask = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    if 2 * int(mask.sum()) > mask.size:
        mask = 1 - mask  # ink is what there is less of
    edge = grey.shape[0] // 8  # where lines above and below look in
    empty = mask[edge : grey.shape[0] - edge].sum(axis=0) == 0
    turns = np.flatnonzero(np.diff(np.concatenate([[False], empty, [False]]).astype(np.int8)))
    return tuple((int(start) / len(empty), int(end) / len(empty)) for start, end in zip(turns[::2], turns[1::2], strict=True))


def opened(path: str) -> Picture:
    """A picture as the models want it: no larger than helps, and blue, green, red."""
    with Image.open(path, formats=("PNG",)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels")
        if max(image.size) > MAX_SIDE:
            image.thumbnail((MAX_SIDE, MAX_SIDE))
        return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])


def _requests(channel: Channel) -> Iterator[dict[str, Any]]:
    """Requests as they come. When no more can come the process ends, even in the midst of a page: nobody waits for it any more."""
    waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def listen() -> None:
        while (request := channel.hear()) is not None:
            waiting.put(request)
        os._exit(0)

    threading.Thread(target=listen, name="requests", daemon=True).start()
    while True:
        yield waiting.get()


def main() -> None:
    channel = Channel()
    requests = _requests(channel)
    reader = Reader()
    channel.tell("ready")
    for request in requests:
        try:
            picture = opened(request["image"])
        except (OSError, SyntaxError, ValueError):  # what Pillow raises for a broken picture
            channel.tell("unseen")
            continue
        sheets, turned, confidence = reader.recognise(picture, page=request["page"], width=request["width"], height=request["height"])
        channel.tell("recognised", packed(sheets), turned=turned, confidence=confidence)


if __name__ == "__main__":
    main()
