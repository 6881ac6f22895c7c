"""The pictures in docs/images, taken anew from an empty Situate that runs at ADDRESS.

    SITUATE_HOME=FOLDER SITUATE_PORT=8765 .venv/bin/situate serve
    python -m bench.screenshots http://127.0.0.1:8765 [--into docs/images]

The documents are made here; nothing that anybody owns is shown.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests import pdfs, scans
from tests.browser import papers

QUESTION = "What was the operating profit in 2031?"
WINDOW = {"width": 1280, "height": 800}


def first_documents(folder: Path) -> list[Path]:
    return [
        _stored(folder, "Lighthouse company 2031.pdf", papers.report()),
        _stored(folder, "灯塔年度报告 2031.pdf", papers.chinese_report()),
    ]


def more_documents(folder: Path) -> list[Path]:
    letter = scans.drawn(
        *scans.paragraph("The harbour master asks for a second lamp at the western pier. The first one is dim in fog.", y=740.0)
    )
    scanned = io.BytesIO()
    letter.picture.save(scanned, format="PDF", resolution=scans.DPI)
    return [
        _stored(folder, "Harbour letter, scanned.pdf", scanned.getvalue()),
        _stored(folder, "Board minutes.pdf", pdfs.with_password()),
        _stored(folder, "Drawings.pdf", pdfs.blank_between()),
        _stored(folder, "Observations.pdf", pdfs.long_report(60)),
    ]


def _stored(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def ask(page: Page, question: str) -> None:
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(question)
    box.press("Enter")
    page.locator(".question", has_text=question).last.wait_for()
    page.wait_for_timeout(400)
    expect(page.locator(".waiting")).to_have_count(0)


def take(page: Page, into: Path, name: str) -> None:
    page.wait_for_timeout(2500)  # what is still drawn or faded in
    page.mouse.move(1, 1)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(256, kmeans=2, dither=Image.Dither.NONE).save(into / f"{name}.png", optimize=True)
    print(f"{name}.png  {(into / f'{name}.png').stat().st_size // 1000} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("--into", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    expect.set_options(timeout=120_000)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW, device_scale_factor=1.25)
        page.set_default_timeout(120_000)
        story(page, arguments.address, Path(scratch), arguments.into)
        browser.close()


def story(page: Page, address: str, scratch: Path, into: Path) -> None:
    """From the first visit to the measurement, a picture at each step."""
    page.goto(address)
    page.get_by_text("Drop in your PDFs").wait_for()
    take(page, into, "first_visit")
    page.locator("input[type=file]").first.set_input_files(first_documents(scratch))
    page.get_by_text("2 documents can be asked").wait_for()
    take(page, into, "first_documents")
    ask(page, QUESTION)
    take(page, into, "answer")
    ask(page, "And in 2030?")
    page.locator(".st-key-latest button.cite").first.click()
    page.locator(".sheet img[data-loaded]").wait_for()
    take(page, into, "boxed_page")
    ask(page, "Which sonata did Beethoven write for the harbour of Lisbon?")
    take(page, into, "no_answer")

    page.goto(f"{address}/documents")
    page.locator("input[type=file]").first.set_input_files(more_documents(scratch))
    page.get_by_text("Needs its password").first.wait_for()
    page.get_by_text("read by text recognition").first.wait_for()
    expect(page.get_by_text("60 pages", exact=False).first).to_be_visible()
    expect(page.get_by_text("Finding its", exact=False)).to_have_count(0)
    take(page, into, "documents")

    page.goto(f"{address}/inspector?q={QUESTION.replace(' ', '%20')}")
    page.locator("table.stages button").first.wait_for()
    page.locator('[data-testid="stVegaLiteChart"] g.mark-symbol path').first.wait_for()
    take(page, into, "inspector")

    page.goto(f"{address}/evaluation")
    for question, words in (("How many keepers did the company employ?", "212 keepers"), (QUESTION, "Operating profit reached")):
        page.get_by_label("A question whose answer you know").fill(question)
        page.get_by_role("button", name="Find the passage").click()
        page.locator("button.card", has_text=words).first.click()
        expect(page.get_by_text("Which passage answers it?")).to_have_count(0)
    page.get_by_role("button", name="Measure with 2 questions").click()
    page.get_by_role("tab", name="Results").click()
    page.get_by_role("cell", name="Both together").first.wait_for()
    take(page, into, "evaluation")

    page.goto(f"{address}/settings")
    page.get_by_text("Where text goes").first.wait_for()
    take(page, into, "settings")


if __name__ == "__main__":
    main()
