"""Documents that differ about one point: their statements stand side by side in a table, each row with its own citation."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from db.documents import Selection
from rag import answer
from rag.answer import Progress
from rag.answer_tree import answer_tree
from rag.deps import Deps
from rag.providers import BlockEnd, Cite, Text
from rag.providers.fake import FakeAnswerer
from rag.providers.langchain import ChatModelAnswerer
from rag.uncited import is_marked
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index

QUESTION = "How many plants does Meridian run?"
STATED = {"2030.pdf": "Meridian Instruments runs two plants in the north.", "2031.pdf": "Meridian Instruments runs three plants."}


class Table(FakeListChatModel):
    """Finds the statements in its prompt and lays them side by side, cited with the numbers they have there."""

    def _stream(self, messages: Any, *args: Any, **options: Any) -> Any:
        numbers = [re.search(rf"\[(\d+\.\d+)\] {re.escape(said)}", messages[-1].text) for said in STATED.values()]
        rows = "".join(f"| {name} | {said[:-1]} [{at[1]}]. |\n" for (name, said), at in zip(STATED.items(), numbers, strict=True) if at)
        for piece in re.findall(r"(?s).{1,7}", f"The documents differ.\n\n| Document | Statement |\n|---|---|\n{rows}"):
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))


def read(deps: Deps, index: Index) -> Deps:
    for name, said in STATED.items():
        index(deps, pdfs.lines("The annual report of the board.", said), filename=name)
    return deps


def table(last: Progress) -> list[list[Any]]:
    """The rows of the table in the answer's tree, each as its cells."""
    tree = answer_tree(last.parts, lambda number: ["cite", {}, str(number)], uncited_title="", finished=True)
    return [[cell for cell in row[2:] if isinstance(cell, list)] for row in found(tree, "tr")]


def found(node: Any, tag: str) -> list[Any]:
    if not isinstance(node, list):
        return []
    return [*([node] if node[0] == tag else []), *(inner for child in node[2:] for inner in found(child, tag))]


def cited_in(node: Any, last: Progress) -> list[str]:
    return [last.citations[int(cite[2]) - 1].filename for cite in found(node, "cite")]


def test_each_row_of_a_chat_models_table_cites_its_own_document(deps: Deps, index: Index) -> None:
    chat = ChatModelAnswerer("openai:gpt-test", Table(responses=["unused"]))
    here = replace(read(deps, index), answerers=(chat,), settings=deps.settings.model_copy(update={"consent": "openai"}))
    *_, last = answer.answer(here, SUBJECT, QUESTION, selection=Selection())
    head, *rows = table(last)
    assert last.dropped == 0
    assert cited_in(head, last) == []
    assert [[cited_in(cell, last) for cell in row] for row in rows] == [[[], ["2030.pdf"]], [[], ["2031.pdf"]]]
    assert [citation.quote for citation in last.citations] == list(STATED.values())


def test_each_cell_that_claude_cites_by_itself_keeps_its_citation(deps: Deps, index: Index) -> None:
    """Claude writes cells as text blocks of their own, with the bars between them in others."""
    first, *_ = answer.answer(read(deps, index), SUBJECT, QUESTION, selection=Selection())
    assert first.trace is not None
    order = [first.trace["hits"][ranks[0] - 1]["document"] for ranks in first.trace["passages"]]
    events: list[Text | Cite | BlockEnd] = [Text(text="They differ.\n\n| Document | Statement |\n|---|---|\n")]
    for name, said in STATED.items():
        events += [Text(text=f"| {name} | "), BlockEnd(), Text(text=said)]
        events += [Cite(passage=order.index(name), first=1, last=2, quote=said), BlockEnd(), Text(text=" |\n")]
    *_, last = answer.answer(replace(deps, answerers=(FakeAnswerer(script=tuple(events)),)), SUBJECT, QUESTION, selection=Selection())
    _, *rows = table(last)
    assert last.dropped == 0
    assert [[cited_in(cell, last) for cell in row] for row in rows] == [[[], ["2030.pdf"]], [[], ["2031.pdf"]]]
    tree = answer_tree(last.parts, lambda number: ["cite", {}, str(number)], uncited_title="", finished=True)
    assert [is_marked(row) for row in found(tree, "tr")] == [False, False, False], "a name at the head of its row is no claim"
