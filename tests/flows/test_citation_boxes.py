"""PDF -> chunks -> answer -> citation -> boxes: the words that stand under a citation's boxes on its pages are the words of its quote."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pypdfium2 as pdfium
import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from db.conversations import Citation
from db.documents import Selection
from rag import answer
from rag.deps import Deps
from rag.providers import BlockEnd, Cite, Passage, Text, Turn
from rag.providers.fake import FakeAnswerer
from tests import pdfs, scans, scripts
from tests.flows.conftest import SUBJECT, Index
from tests.standin import AnthropicServer


@dataclass(frozen=True, kw_only=True)
class Everything(FakeAnswerer):
    """Says every sentence of every passage, each cited."""

    @property
    def is_extract(self) -> bool:
        return False

    def stream(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn], *, keep: bool = False
    ) -> Iterator[Text | Cite | BlockEnd]:
        for number, passage in enumerate(passages):
            for at, sentence in enumerate(passage.sentences):
                yield Text(text=f"{sentence}\n\n")
                yield Cite(passage=number, first=at, last=at + 1, quote=sentence)
                yield BlockEnd()


def cited(deps: Deps, index: Index, content: bytes) -> list[Citation]:
    """A citation of every sentence of the document."""
    index(deps, content)
    *_, last = answer.answer(replace(deps, answerers=(Everything(),)), SUBJECT, "What is said?", selection=Selection())
    assert last.dropped == 0
    assert all(part.citations for part in last.parts)
    return list(last.citations)


def under(content: bytes, citation: Citation) -> str:
    """What PDFium finds under the boxes, without white space, line-end hyphens as such and with ligatures and wide forms as plain letters."""
    document = pdfium.PdfDocument(content)
    try:
        found = [
            document[page - 1].get_textpage().get_text_bounded(left=x0, bottom=y0, right=x1, top=y1)
            for page, x0, y0, x1, y1 in citation.boxes
        ]
    finally:
        document.close()
    return plain("".join(found))


def plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).replace("\x02", "-").split())


DOCUMENTS = {
    "a report": pdfs.report(),
    "Chinese without spaces": pdfs.chinese(),
    "two columns": pdfs.two_columns(),
    "a sentence over two pages": pdfs.across_pages(),
    "chapters": pdfs.long_report(3),
    "ligatures": scripts.printed("The ﬁrst oﬃce of the ﬂeet stood in Tromsdal.", "It was sold in 1990."),
    "full-width figures": pdfs.lines("公司２０３１年实现营业收入１８．６亿元。", "同比增长７．３％。", font=pdfs.CHINESE_FONT),
}


@pytest.mark.parametrize("content", DOCUMENTS.values(), ids=DOCUMENTS)
def test_the_words_under_the_boxes_are_the_quote(deps: Deps, index: Index, content: bytes) -> None:
    citations = cited(deps, index, content)
    assert len(citations) > 1
    for citation in citations:
        assert under(content, citation) == plain(citation.quote)
        assert citation.page == citation.boxes[0][0]


def test_a_row_of_a_table_is_cited_with_the_words_of_the_row(deps: Deps, index: Index) -> None:
    content = pdfs.cash_flow()
    rows = [citation for citation in cited(deps, index, content) if " | " in citation.quote]
    assert len(rows) >= len(pdfs.CASH_FLOW) - 2
    for row in rows:
        assert under(content, row) == plain(row.quote.replace("|", " "))


def test_a_word_broken_at_a_lines_end_is_whole_in_the_quote_and_boxed_in_both_halves(deps: Deps, index: Index) -> None:
    content = pdfs.lines(
        "The company designs barometers and altimeters for railways. Its baro-",
        "meters are sold to twenty-seven operators on the coast. Every alti-",
        "meter is tested twice before it leaves the works in the long valley.",
    )
    broken = [citation for citation in cited(deps, index, content) if len(citation.boxes) > 1]
    assert ["barometers" in citation.quote for citation in broken] == [True, False]
    for citation in broken:
        assert under(content, citation).replace("-", "") == plain(citation.quote).replace("-", "")


def test_a_sentence_over_two_pages_is_one_quote_with_boxes_on_both(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    content = pdfs.across_pages()
    index(agreed, content)
    *_, last = answer.answer(agreed, SUBJECT, "Which ships did the lighthouse keeper count?", selection=Selection())
    whole = next(citation for citation in last.citations if citation.quote.startswith("The lighthouse"))
    assert whole.quote == "The lighthouse keeper counted the ships that passed before the storm closed the strait."
    assert [box[0] for box in whole.boxes] == [1, 2]
    assert whole.page == 1
    assert under(content, whole) == plain(whole.quote)
    sent = claude.requests[-1].body["messages"][-1]["content"]
    assert whole.quote in [block["text"] for result in sent if result["type"] == "search_result" for block in result["content"]]


def test_the_words_of_a_scan_stand_under_the_boxes_of_their_quotes(deps: Deps, index: Index) -> None:
    scan = scans.drawn(*scans.paragraph("The harbour was closed for six weeks. Nobody knew when it would open again.", y=700, columns=40))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=scan.size)
    canvas.drawImage(ImageReader(scan.picture), 0, 0, *scan.size)
    canvas.save()
    citations = cited(deps, index, buffer.getvalue())
    assert [citation.quote for citation in citations] == ["The harbour was closed for six weeks.", "Nobody knew when it would open again."]
    for citation in citations:
        middles = [(word, (x0 + x1) / 2, (y0 + y1) / 2) for word, (x0, y0, x1, y1) in scan.words]
        held = [word for word, x, y in middles if any(x0 <= x <= x1 and y0 <= y <= y1 for _, x0, y0, x1, y1 in citation.boxes)]
        assert " ".join(held) == citation.quote
