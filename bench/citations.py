"""Keyless answers over real documents, checked from the outside: quotes, boxes, gold, and when no answer was given. Prints a table.

    python -m bench.citations --home FOLDER --texts SET --pdfs SET [--questions 200] [--json OUT]

`--texts` is a set with documents.jsonl, which headless Chromium prints to PDFs first (every third in two columns with hyphens); `--pdfs` one
with documents/. FOLDER keeps an embedded Postgres and what was indexed, so that a second run only asks (as root it must be one that other
users may enter). Each question is asked twice: of all documents, and of all but those with its gold. Of each answer:

- verbatim: the quote of a citation stands in the stored text of its chunk, and in the text that PDFium finds on its pages;
- boxes: the characters whose middle lies in the citation's boxes, read back from the PDF, are the quote (white space, hyphens, and the bars
  between a table's cells aside);
- gold: a cited sentence of a gold document shares 70 % of the terms of the shorter with the gold quote, or is on the gold page.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
from markdown_it import MarkdownIt
from playwright.sync_api import sync_playwright

from db import embedded, migrate, open_pool
from db.conversations import Citation
from db.documents import Document, Selection, Status
from rag import answer, library, names, question_files, text
from rag.deps import Deps, build
from rag.question_sets import Question, Source, stratified
from rag.settings import Settings

SUBJECT = "local"
SHARED = 0.7  # of the terms of the shorter, cited sentence or gold quote
SLACK = 0.5  # points around a box
STYLE = """
    body { font: 11pt/1.5 'Noto Serif', 'Noto Serif CJK SC', serif; hyphens: auto; overflow-wrap: anywhere }
    .columns { columns: 2; column-gap: 8mm; text-align: justify }
    h1, h2, h3 { font-family: 'Noto Sans', 'Noto Sans CJK SC', sans-serif; break-after: avoid } table { border-collapse: collapse }
"""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question with its gold by the names of files."""

    question: Question
    gold: tuple[tuple[str, int | None, str], ...]  # file, page, quote


def printed(sources: Sequence[Source], folder: Path) -> dict[str, Path]:
    """Each text as a PDF, by the document's name in its set; made once."""
    folder.mkdir(exist_ok=True)
    files, markdown = {}, MarkdownIt("commonmark", {"html": False}).enable("table")
    titles = Counter(source.title for source in sources)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        for number, source in enumerate(sources):
            title = source.title if titles[source.title] == 1 and source.title else f"{source.title} {source.name}".strip()
            files[source.name] = folder / names.clean_name(f"{title}.pdf")
            if files[source.name].exists():
                continue
            spoken = text.language(source.text)
            columns = "columns" if number % 3 == 2 else ""
            body = f'<html lang="{spoken}"><style>{STYLE}</style><body class="{columns}">{markdown.render(source.text)}</body></html>'
            page.set_content(body)
            page.pdf(path=files[source.name], format="A4", margin=dict.fromkeys(("top", "bottom", "left", "right"), "22mm"))
        browser.close()
    return files


@contextmanager
def working(home: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "rag.cli", "worker"]
    worker = subprocess.Popen(command, env={"SITUATE_HOME": str(home), "PATH": "/usr/bin:/bin"}, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(60)


def indexed(deps: Deps, home: Path, files: Sequence[Path]) -> dict[str, Document]:
    """Every file as a document that can be asked, by file name."""
    known = {d.filename for d in library.documents(deps, SUBJECT)}
    for file in files:
        if names.clean_name(file.name) not in known:
            library.upload(deps, SUBJECT, filename=file.name, content=file.read_bytes())
    if any(d.status in {Status.QUEUED, Status.WORKING} for d in library.documents(deps, SUBJECT)):
        with working(home):
            while any(d.status in {Status.QUEUED, Status.WORKING} for d in library.documents(deps, SUBJECT)):
                time.sleep(1)
    return {d.filename: d for d in library.documents(deps, SUBJECT)}


def squash(said: str) -> str:
    """What is compared: no white space, no hyphens (a word's may be the line's), no bars between cells, no bullets, one form of each character.

    A bullet is a private character of a symbol font in many files, and stored as what it shows.
    """
    dropped = "-\u00ad\u2010|•\ufffe\u0002"
    return "".join(
        c for c in unicodedata.normalize("NFKC", said) if not c.isspace() and c not in dropped and unicodedata.category(c) != "Co"
    )


class Paper:
    """A PDF as PDFium alone tells it."""

    def __init__(self, content: bytes) -> None:
        self._pdf = pdfium.PdfDocument(content)

    @lru_cache(maxsize=8)  # noqa: B019 - papers live as long as the run
    def characters(self, number: int) -> list[tuple[str, float, float]]:
        """Each character of a page with its middle, from the bottom left of what is displayed."""
        page = self._pdf[number - 1]
        left, bottom, _, _ = page.get_cropbox()
        held = page.get_textpage()
        found = []
        for at in range(held.count_chars()):
            x0, y0, x1, y1 = held.get_charbox(at, loose=True)
            found.append((held.get_text_range(at, 1), (x0 + x1) / 2 - left, (y0 + y1) / 2 - bottom))
        return found

    def under(self, boxes: Sequence[tuple[int, float, float, float, float]]) -> str:
        """The text whose characters' middles lie in the boxes, box by box, each character once."""
        said, seen = [], set()
        for page, x0, y0, x1, y1 in boxes:
            for at, (character, x, y) in enumerate(self.characters(page)):
                if (page, at) not in seen and x0 - SLACK <= x <= x1 + SLACK and y0 - SLACK <= y <= y1 + SLACK:
                    seen.add((page, at))
                    said.append(character)
        return "".join(said)

    def text(self, pages: set[int]) -> str:
        return squash("".join(character for page in sorted(pages) for character, _, _ in self.characters(page)))


class Checker:
    """Checks citations, and remembers those that fail."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._papers: dict[int, Paper] = {}
        self.faults: list[dict[str, Any]] = []

    def check(self, citation: Citation) -> tuple[bool, bool]:
        """Whether the quote is verbatim, and whether the boxes are over its words."""
        assert citation.document_id is not None
        paper = self._papers.get(citation.document_id)
        if paper is None:
            paper = self._papers[citation.document_id] = Paper(library.original(self._deps, SUBJECT, citation.document_id))
        (chunk,) = library.passages(self._deps, SUBJECT, [(citation.document_id, citation.ord)]).values()
        quote = squash(citation.quote)
        pages = {box[0] for box in citation.boxes}
        on_page = Counter(quote) - Counter(paper.text(pages))  # order on a page is the reader's own work: characters are counted
        verbatim = bool(quote) and citation.quote in chunk.text and not on_page
        under = squash(paper.under(citation.boxes))
        over = under == quote or Counter(under) == Counter(quote)
        if not (verbatim and over):
            self.faults.append(
                {
                    "file": citation.filename,
                    "page": citation.page,
                    "quote": citation.quote,
                    "under": under,
                    "verbatim": verbatim,
                    "over": over,
                }
            )
        return verbatim, over


def ask(deps: Deps, question: str, selection: Selection) -> answer.Progress:
    *_, last = answer.answer(deps, SUBJECT, question, selection=selection)
    return last


def cites_gold(citations: Sequence[Citation], gold: tuple[str, int | None, str]) -> bool:
    file, page, quote = gold
    for citation in citations:
        if citation.filename != file:
            continue
        if page is not None:
            if page in {box[0] for box in citation.boxes}:
                return True
            continue
        cited, wanted = set(text.terms(citation.quote)), set(text.terms(quote))
        if len(cited & wanted) >= SHARED * min(len(cited), len(wanted)):
            return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--pdfs", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.home.mkdir(parents=True, exist_ok=True)
    texts, pdfs = question_files.load(given.texts), question_files.load(given.pdfs)
    files = printed(texts.sources, given.home / "printed")
    files |= {source.name: source.path for source in pdfs.sources if source.path is not None}
    named = {name: names.clean_name(path.name) for name, path in files.items()}
    sample = [*pdfs.questions, *stratified(texts.questions, given.questions - len(pdfs.questions))]
    asked = [Asked(question=q, gold=tuple((named[g.document], g.page, g.quote) for g in q.gold)) for q in sample]
    settings = Settings(home=given.home / "situate")
    server = embedded.start(settings.home)
    try:
        migrate.migrate(server.url)
        with open_pool(server.url) as pool:
            deps = build(settings, pool=pool, url=server.url)
            documents = indexed(deps, settings.home, list(files.values()))
            report(measure(deps, documents, asked), given.json)
    finally:
        server.leave()


def measure(deps: Deps, documents: dict[str, Document], asked: Sequence[Asked]) -> dict[str, Any]:
    checker = Checker(deps)
    rows = []
    everything = {d.id for d in documents.values() if d.status is Status.READY}
    for number, one in enumerate(asked):
        print(f"\r{number} of {len(asked)}", end="", file=sys.stderr, flush=True)
        without = everything - {documents[file].id for file, _, _ in one.gold}
        found = ask(deps, one.question.question, Selection())
        missing = ask(deps, one.question.question, Selection(documents=tuple(sorted(without))))
        checked = [checker.check(citation) for citation in (*found.citations, *missing.citations)]
        rows.append(
            {
                "id": one.question.id,
                "language": one.question.language or "en, PDFs",
                "type": one.question.type,
                "citations": len(checked),
                "verbatim": sum(v for v, _ in checked),
                "over": sum(o for _, o in checked),
                "answered": not found.abstained,
                "any gold": any(cites_gold(found.citations, gold) for gold in one.gold),
                "gold": sum(cites_gold(found.citations, gold) for gold in one.gold) / len(one.gold),
                "refused without gold": missing.abstained,
            }
        )
    print(file=sys.stderr)
    failed = [d.filename for d in documents.values() if d.status is not Status.READY]
    return {"rows": rows, "faults": checker.faults, "documents": len(documents), "not ready": failed}


def report(found: dict[str, Any], out: Path | None) -> None:
    rows: list[dict[str, Any]] = found["rows"]
    print(f"{found['documents']} documents, {len(rows)} questions; not ready: {found['not ready'] or 'none'}")
    head = (
        "",
        "questions",
        "citations",
        "verbatim %",
        "boxes %",
        "answered %",
        "gold cited %",
        "all gold %",
        "abst. precision",
        "abst. recall",
    )
    print(" | ".join(head))
    for language in (*sorted({row["language"] for row in rows}), "all"):
        of = [row for row in rows if language in (row["language"], "all")]
        cited = sum(row["citations"] for row in of)
        rightly = sum(row["refused without gold"] for row in of)
        refused = rightly + sum(not row["answered"] for row in of)
        told = [
            len(of), cited, share(sum(row["verbatim"] for row in of), cited), share(sum(row["over"] for row in of), cited),
            share(sum(row["answered"] for row in of), len(of)), share(sum(row["any gold"] for row in of), len(of)),
            share(sum(row["gold"] for row in of), len(of)), share(rightly, refused), share(rightly, len(of)),
        ]  # fmt: skip
        print(" | ".join([language, *map(str, told)]))
    for fault in found["faults"][:10]:
        print(fault)
    if out:
        out.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def share(part: float, whole: float) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


if __name__ == "__main__":
    main()
