"""Scans read by the real models: the text, whose place each word has, whichever way the page lies; and what befalls the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageDraw

from rag import layout, ocr
from rag.errors import RecognitionFailed
from rag.ocr import DOUBTFUL, Recognised, Recogniser
from tests import pdfs, scans
from tests.scans import Scan, Text

ENGLISH = pdfs.REPORT[1][1][0]
CHINESE = pdfs.CHINESE[1][1]
KOREAN = "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다"
RUSSIAN = "Все люди рождаются свободными и равными в своем достоинстве и правах"


@pytest.fixture(scope="module")
def recogniser() -> Iterator[Recogniser]:
    recogniser = Recogniser()
    yield recogniser
    recogniser.close()


@pytest.fixture
def read(recogniser: Recogniser, tmp_path: Path):
    def read(scan: Scan) -> Recognised:
        width, height = scan.size
        return recogniser.recognise(scan.saved(tmp_path), page=1, width=width, height=height, seconds=120)

    return read


def text_of(recognised: Recognised) -> str:
    """As a person reads it: running text in the order of the layout."""
    return " ".join(element.text for element in layout.elements(recognised.sheets, ()))


def errors(read: str, drawn: str) -> float:
    """The character error rate: changes that make one text of the other, by the length of what was drawn; spaces do not count."""
    one, other = ("".join(text.split()) for text in (read, drawn))
    row = list(range(len(other) + 1))
    for number, char in enumerate(one, 1):
        before, row[0] = row[0], number
        for place, wanted in enumerate(other, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (char != wanted))
    return row[-1] / len(other)


def placed(recognised: Recognised, scan: Scan) -> float:
    """The share of the drawn words that were read as such, with a box around their middle and little else."""
    found = scans.words_of(recognised.sheets)

    def matches(text: str, box: scans.Box) -> bool:
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        area = (box[2] - box[0]) * (box[3] - box[1])
        return any(
            word == text and x0 <= x <= x1 and y0 <= y <= y1 and (x1 - x0) * (y1 - y0) <= 4 * area + 40 for word, (x0, y0, x1, y1) in found
        )

    return sum(matches(text, box) for text, box in scan.words) / len(scan.words)


def test_a_page_is_read_with_the_boxes_of_its_words(read) -> None:
    scan = scans.drawn(*scans.paragraph(ENGLISH, y=700))
    recognised = read(scan)
    assert errors(text_of(recognised), ENGLISH) < 0.01
    assert placed(recognised, scan) > 0.95
    assert recognised.turned == 0
    assert recognised.confidence > 0.95


def test_words_are_those_of_a_page_with_text_of_its_own(read) -> None:
    sheet = read(scans.drawn(*scans.paragraph(ENGLISH, y=700))).sheets[0]
    assert (sheet.page, sheet.width, sheet.height, sheet.turn, sheet.skew) == (1, *scans.PAGE, 0, 0.0)
    assert all(word.spaced and not word.style for word in sheet.words)
    assert {word.size for word in sheet.words} == {sheet.words[0].size}
    assert sheet.words[0].size == pytest.approx(11, rel=0.2)


def test_chinese_is_read_character_by_character(read) -> None:
    scan = scans.drawn(*scans.paragraph(CHINESE, y=700))
    recognised = read(scan)
    assert errors(text_of(recognised), CHINESE) < 0.02
    assert placed(recognised, scan) > 0.9
    assert not any(word.spaced for word in recognised.sheets[0].words[1:20])


def test_chinese_and_english_stand_on_one_page(read) -> None:
    scan = scans.drawn(
        *scans.paragraph(ENGLISH, y=700), *scans.paragraph(CHINESE, y=500), Text(text="公司 HX-204 sensors 库存 9,000", x=60, y=400)
    )
    recognised = read(scan)
    assert errors(text_of(recognised), ENGLISH + CHINESE + "公司 HX-204 sensors 库存 9,000") < 0.02
    assert placed(recognised, scan) > 0.9


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_page_fed_in_turned_is_read_and_boxed_as_displayed(read, quarters: int) -> None:
    scan = scans.turned_by(scans.drawn(*scans.paragraph(ENGLISH, y=700), *scans.paragraph(CHINESE, y=500)), quarters)
    recognised = read(scan)
    assert recognised.turned == 360 - 90 * quarters
    assert {sheet.turn for sheet in recognised.sheets} == {4 - quarters}
    assert errors(text_of(recognised), ENGLISH + CHINESE) < 0.02
    assert placed(recognised, scan) > 0.9


@pytest.mark.parametrize("degrees", [-4.0, 3.0, 9.0])
def test_a_page_that_lies_crooked_is_read_level_and_boxed_as_displayed(read, degrees: float) -> None:
    scan = scans.skewed(scans.drawn(*scans.paragraph(ENGLISH, y=700), *scans.paragraph(CHINESE, y=500)), degrees)
    recognised = read(scan)
    assert recognised.sheets[0].skew == pytest.approx(degrees, abs=0.3)
    assert errors(text_of(recognised), ENGLISH + CHINESE) < 0.02
    assert placed(recognised, scan) > 0.9


def test_a_page_turned_and_crooked_is_read(read) -> None:
    scan = scans.turned_by(scans.skewed(scans.drawn(*scans.paragraph(ENGLISH, y=700)), 3.0), 1)
    recognised = read(scan)
    assert errors(text_of(recognised), ENGLISH) < 0.02
    assert placed(recognised, scan) > 0.9


def test_columns_are_read_one_after_the_other(read) -> None:
    left, right = f"{pdfs.LEFT} {pdfs.LEFT}", f"{pdfs.RIGHT} {pdfs.RIGHT}"
    lines = scans.paragraph(left, y=700, columns=38, size=9.5), scans.paragraph(right, y=696, x=312, columns=38, size=9.5)
    assert errors(text_of(read(scans.drawn(*lines[0], *lines[1]))), left + right) < 0.02


def test_a_table_keeps_its_rows(read) -> None:
    rows = [
        ("Net income", "1,058", "815"),
        ("Inventories", "248", "(626)"),
        ("Trade receivables", "93", "(272)"),
        ("Total assets", "9,127", "8,440"),
    ]
    cells = [
        Text(text=cell, x=x, y=700 - 18 * index) for index, row in enumerate(rows) for x, cell in zip((60, 300, 400), row, strict=True)
    ]
    (table,) = [element for element in layout.elements(read(scans.drawn(*cells)).sheets, ()) if element.kind == "Table"]
    assert table.text.splitlines() == [" | ".join(row) for row in rows]


def test_a_word_broken_at_a_lines_end_is_made_whole(read) -> None:
    scan = scans.drawn(
        Text(text="The foundry in Karlsruhe would halt production within a pe-", x=60, y=700),
        Text(text="riod of six weeks after a flood of the river.", x=60, y=684),
    )
    assert "within a period of six weeks" in text_of(read(scan))


def test_a_title_is_larger_than_what_it_heads(read) -> None:
    scan = scans.drawn(Text(text="2. Risk factors", x=60, y=740, size=18), *scans.paragraph(ENGLISH, y=700))
    assert layout.elements(read(scan).sheets, ())[0].kind == "Title"


def test_vertical_columns_are_read_from_the_right(read) -> None:
    columns = ("公司主要生产高铁隧道照明用", "的光学镜片产品销往十二个省", "目前库存可以支持三个月生产")
    scan = scans.drawn(*(letter for index, text in enumerate(columns) for letter in scans.column(text, x=480 - 34 * index, y=760)))
    recognised = read(scan)
    assert recognised.turned == 0  # the page stands as it should
    assert errors(text_of(recognised), "".join(columns)) < 0.1
    assert placed(recognised, scan) > 0.85


def test_a_faint_and_worn_scan_is_read(read) -> None:
    scan = scans.worn(scans.drawn(*scans.paragraph(ENGLISH, y=700), *scans.paragraph(CHINESE, y=500), ink=120, paper=215))
    recognised = read(scan)
    assert errors(text_of(recognised), ENGLISH + CHINESE) < 0.05
    assert placed(recognised, scan) > 0.85


def test_light_text_on_dark_is_read(read) -> None:
    scan = scans.drawn(*scans.paragraph(ENGLISH, y=700), ink=240, paper=30)
    recognised = read(scan)
    assert errors(text_of(recognised), ENGLISH) < 0.02
    assert placed(recognised, scan) > 0.9


@pytest.mark.parametrize("text", [KOREAN, RUSSIAN])
def test_a_script_that_the_models_do_not_know_is_doubted(read, text: str) -> None:
    recognised = read(scans.drawn(*scans.paragraph(text, y=700, columns=60)))
    assert recognised.confidence < DOUBTFUL
    assert recognised.turned == 0
    assert sum(len(word.text) for sheet in recognised.sheets for word in sheet.words) < 0.2 * len(text)


def test_what_cannot_be_read_among_what_can_is_told_by_the_confidence(read) -> None:
    assert read(scans.drawn(*scans.paragraph(ENGLISH, y=700))).confidence > 0.95
    assert read(scans.drawn(*scans.paragraph(ENGLISH, y=700), *scans.paragraph(RUSSIAN, y=500, columns=60))).confidence < 0.8


def test_an_empty_page_has_no_words(read) -> None:
    recognised = read(scans.drawn())
    assert recognised.sheets == ()
    assert recognised.confidence == 0


def test_a_drawing_gives_no_text_to_trust(read) -> None:
    picture = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(picture)
    for index in range(12):
        draw.ellipse((100 + 80 * index, 200 + 100 * index, 300 + 80 * index, 260 + 110 * index), outline=0, width=5)
        draw.line((100, 150 * index, 1100, 1700 - 90 * index), fill=90, width=3)
    recognised = read(Scan(picture=picture, size=scans.PAGE, words=()))
    assert sum(len(sheet.words) for sheet in recognised.sheets) < 10 or recognised.confidence < DOUBTFUL


def test_what_is_no_picture_is_refused_and_the_next_page_is_read(recogniser: Recogniser, read, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    for content in (b"", b"no picture", scans.drawn().saved(tmp_path).read_bytes()[:900]):
        broken.write_bytes(content)
        with pytest.raises(RecognitionFailed, match="The picture of page 7 is broken"):
            recogniser.recognise(broken, page=7, width=595, height=842, seconds=60)
    assert read(scans.drawn(*scans.paragraph(ENGLISH, y=700))).sheets


def child_of(recogniser: Recogniser) -> int:
    assert recogniser._child is not None
    return recogniser._child._process.pid


def test_a_hang_ends_the_process_and_the_next_page_has_a_new_one(recogniser: Recogniser, read, tmp_path: Path) -> None:
    scan = scans.drawn(*scans.paragraph(ENGLISH, y=700))
    read(scan)
    stopped = child_of(recogniser)
    os.kill(stopped, signal.SIGSTOP)
    with pytest.raises(RecognitionFailed, match="Recognising the text of page 3 took too long"):
        recogniser.recognise(scan.saved(tmp_path), page=3, width=595, height=842, seconds=0.5)
    assert not psutil.pid_exists(stopped)
    assert errors(text_of(read(scan)), ENGLISH) < 0.01
    assert child_of(recogniser) != stopped


def test_a_page_whose_process_is_killed_is_read_by_a_new_one(recogniser: Recogniser, read) -> None:
    scan = scans.drawn(*scans.paragraph(ENGLISH, y=700))
    read(scan)
    killed = child_of(recogniser)
    os.kill(killed, signal.SIGSTOP)  # so that it cannot answer first
    with ThreadPoolExecutor() as pool:
        page = pool.submit(read, scan)
        os.kill(killed, signal.SIGKILL)
        assert errors(text_of(page.result()), ENGLISH) < 0.01
    assert child_of(recogniser) != killed


def test_a_process_asked_to_stop_says_nothing_about_the_page(recogniser: Recogniser, read) -> None:
    scan = scans.drawn(*scans.paragraph(ENGLISH, y=700))
    read(scan)
    os.kill(child_of(recogniser), signal.SIGTERM)
    with pytest.raises(InterruptedError):
        read(scan)
    assert read(scan).sheets


def test_a_process_that_dies_again_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ocr, "CHILD", "rag.no_such_module")
    recogniser = Recogniser()
    with pytest.raises(RecognitionFailed, match="The process that recognises text failed on page 3"):
        recogniser.recognise(tmp_path / "page.png", page=3, width=595, height=842, seconds=60)
    recogniser.close()


def test_a_process_that_takes_too_much_memory_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ocr, "MEMORY_MB", 80)
    picture = scans.drawn(*scans.paragraph(ENGLISH, y=700)).saved(tmp_path)  # takes longer than the time between two looks at the memory
    recogniser = Recogniser()
    with pytest.raises(RecognitionFailed, match="more than 80 MB"):
        recogniser.recognise(picture, page=3, width=595, height=842, seconds=60)
    recogniser.close()


def test_two_threads_share_the_process(recogniser: Recogniser, tmp_path: Path) -> None:
    folders = tmp_path / "one", tmp_path / "other"
    pages = scans.drawn(*scans.paragraph(ENGLISH, y=700)), scans.drawn(*scans.paragraph(CHINESE, y=700))
    for folder in folders:
        folder.mkdir()

    def read(folder: Path, scan: Scan) -> str:
        return text_of(recogniser.recognise(scan.saved(folder), page=1, width=595, height=842, seconds=120))

    with ThreadPoolExecutor() as pool:
        english, chinese = pool.map(read, folders, pages)
    assert errors(english, ENGLISH) < 0.01
    assert errors(chinese, CHINESE) < 0.02


def test_the_process_ends_with_the_one_that_started_it() -> None:
    starter = "from rag.ocr import Recogniser\nr = Recogniser()\nprint(r._started()._process.pid, flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", starter], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    child.wait(30)


def test_the_process_sees_no_environment(recogniser: Recogniser, read, monkeypatch: pytest.MonkeyPatch) -> None:
    recogniser.close()
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    read(scans.drawn())
    assert "ANTHROPIC_API_KEY" not in psutil.Process(child_of(recogniser)).environ()


def test_nothing_is_fetched_where_a_model_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from rag import recogniser as child

    monkeypatch.setattr(child, "_MODELS", tmp_path)
    with pytest.raises(Exception, match=r"PP-OCRv6_det_small\.onnx.* File doesn't exist"):
        child.Models()
