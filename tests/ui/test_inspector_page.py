from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from db import AWAY, DatabaseAway
from pages.parts.paper_routes import page_path
from rag import inspection, library, own_questions
from rag.deps import Deps
from rag.inspection import SHOWN
from tests import pdfs
from tests.ui.conftest import SUBJECT, acts, nodes, open_app, pictures, shown, state_of, trees

QUESTION = "How many people does Meridian Instruments employ?"


def points(app: AppTest) -> list[dict[str, Any]]:
    """What the chart draws."""
    (chart,) = app.get("vega_lite_chart")
    values: list[dict[str, Any]] = convert_arrow_bytes_to_pandas_df(chart.proto.data.data).to_dict("records")
    return values


def open_first(app: AppTest) -> AppTest:
    """Choose the first passage of the table."""
    found = state_of(app).inspection
    assert found is not None
    state_of(app).hit = found.rows[0].key
    return app.run()


def test_the_empty_inspector_says_what_it_is_for(deps: Deps) -> None:
    assert "See how a query is read" in shown(open_app("pages/inspector.py"))


def test_an_empty_library_is_said_in_a_sentence(deps: Deps) -> None:
    assert "No document is ready to be searched here" in shown(open_app("pages/inspector.py", q=QUESTION))


def test_a_query_in_the_address_is_read_and_laid_open(store: Callable[..., int]) -> None:
    store()
    app = open_app("pages/inspector.py", q=f'{QUESTION} "Meridian Instruments" -kitchen')
    told = shown(app)
    assert {"employ", "meridian", "instrument", "“meridian instruments”", "kitchen"} <= set(told.splitlines())
    assert "2 passages searched" in told
    assert "not reranked" in told
    assert " ms" in told
    assert "Words: " in told
    assert [act for act in acts(app) if act.startswith("open:")]
    assert app.text_input[0].value == f'{QUESTION} "Meridian Instruments" -kitchen'


def test_the_chart_draws_each_passage_at_its_rank_in_each_list(store: Callable[..., int]) -> None:
    store(pdfs.long_report(40))
    app = open_app("pages/inspector.py", q="Observation 7.3 at station 52")
    found = state_of(app).inspection
    assert found is not None
    drawn = points(app)
    for row in found.rows:
        if row.place <= SHOWN:
            mine = {point["stage"]: point["rank"] for point in drawn if point["passage"] == f"{row.key[0]}.{row.key[1]}"}
            assert mine == {
                name: row.stages[stage].rank
                for name, stage in zip(("Meaning", "Words", "Both"), found.stages, strict=True)
                if stage in row.stages
            }


def test_a_query_typed_into_the_box_goes_into_the_address(store: Callable[..., int]) -> None:
    store()
    other = store(pdfs.lines("The soup needs leeks and people."), filename="recipes.pdf")
    app = open_app("pages/inspector.py")
    app.text_input[0].set_value("people and leeks")
    app.multiselect[0].set_value([other])
    app.button(key="FormSubmitter:inspect-Inspect").click().run()
    assert app.query_params["q"] == "people and leeks"
    assert app.query_params["d"] == str(other)
    found = state_of(app).inspection
    assert found is not None
    assert {row.document for row in found.rows} == {"recipes.pdf"}


def test_a_passage_opens_its_boxed_page_its_context_apart_and_its_words(store: Callable[..., int]) -> None:
    store()
    app = open_first(open_app("pages/inspector.py", q=QUESTION))
    found = state_of(app).inspection
    assert found is not None
    (row, *_) = found.rows
    assert row.chunk is not None
    told = shown(app)
    assert row.chunk.text in told
    assert "Structural context, used for retrieval only" in told
    assert row.chunk.context in told
    assert "What each word gave to its BM25 score" in told
    assert pictures(app) == [page_path(row.chunk.document_id, row.chunk.first_page, width=library.WIDTH)]
    assert [node for tree in trees(app) for node in nodes(tree) if node[1].get("c") == "box passage"]
    assert not app.get("vega_lite_chart")
    app.button(key="close-hit").click().run()
    assert app.get("vega_lite_chart")


def test_a_passage_that_answers_becomes_a_question_to_measure_with(deps: Deps, store: Callable[..., int]) -> None:
    store()
    app = open_first(open_app("pages/inspector.py", q=QUESTION))
    found = state_of(app).inspection
    assert found is not None
    app.button(key="add-to-evaluation").click().run()
    assert [toast.value for toast in app.toast] == ["Added."]
    app.button(key="add-to-evaluation").click().run()
    assert [toast.value for toast in app.toast] == ["It is among the questions already."]
    (kept,) = own_questions.collected(deps, SUBJECT)
    assert (kept.question, kept.document_id, kept.ord, kept.quote) == (QUESTION, *found.rows[0].key, found.rows[0].text)


def test_an_answer_leads_to_its_stored_trace(deps: Deps, asked: Callable[[str], AppTest]) -> None:
    app = asked(QUESTION)
    (read,) = state_of(app).settled.values()
    state_of(app).unfold(read.message.id, "more")
    app.run()
    (link,) = [link for link in app.get("page_link") if link.proto.label == "Inspect retrieval"]
    assert link.proto.query_string == f"m={read.message.id}"
    told = shown(inspector := open_app("pages/inspector.py", m=str(read.message.id)))
    assert "As it was when the answer was written." in told
    assert inspector.text_input[0].value == QUESTION


def test_a_deleted_passage_is_said_to_be_deleted_in_its_row(deps: Deps, asked: Callable[[str], AppTest]) -> None:
    app = asked(QUESTION)
    (message_id,) = state_of(app).settled
    (document,) = library.documents(deps, SUBJECT)
    library.delete(deps, SUBJECT, document.id)
    inspector = open_app("pages/inspector.py", m=str(message_id))
    assert "Deleted since: only its ranks are left." in shown(inspector)
    assert not [act for act in acts(inspector) if act.startswith("open:")]


def test_a_trace_that_is_not_there_is_said(deps: Deps) -> None:
    assert "No trace of this answer is kept" in shown(open_app("pages/inspector.py", m="999"))


def test_a_search_is_made_once_however_often_the_page_runs(store: Callable[..., int], monkeypatch: Any) -> None:
    store()
    app = open_app("pages/inspector.py", q=QUESTION)
    monkeypatch.setattr(inspection, "inspect", lambda *_, **__: 1 / 0)
    open_first(app)
    assert not app.exception


def test_a_database_that_is_away_is_said_and_the_search_can_be_tried_again(store: Callable[..., int], monkeypatch: Any) -> None:
    store()

    def away(*_: object, **__: object) -> None:
        raise DatabaseAway(AWAY)

    with monkeypatch.context() as broken:
        broken.setattr(inspection, "inspect", away)
        app = open_app("pages/inspector.py", q=QUESTION)
    assert "The database does not answer" in shown(app)
    app.button(key="again-search").click().run()
    assert [act for act in acts(app) if act.startswith("open:")]


def test_nothing_found_is_a_sentence(store: Callable[..., int]) -> None:
    store()
    assert "Nothing was found." in shown(open_app("pages/inspector.py", q='"no such phrase anywhere"'))


def test_an_address_that_names_nonsense_is_an_empty_inspector(deps: Deps) -> None:
    assert "See how a query is read" in shown(open_app("pages/inspector.py", m="x", d="1,,y"))
