"""An old answer beside newer documents: a version that was replaced, a page that was scanned, a document that is gone."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from db import as_subject
from pages.parts import source_pane
from rag import library
from rag.deps import Deps
from tests import pdfs
from tests.ui.conftest import SUBJECT, open_app, shown, state_of

QUESTION = "How many people does Meridian Instruments employ?"
Asked = Callable[[str], AppTest]


def cited(app: AppTest) -> AppTest:
    """Open the first citation of the only answer."""
    (read,) = state_of(app).settled.values()
    state_of(app).opened = source_pane.opened_citation(read, 1)
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    return shown(app).replace("\\", "")


def test_a_citation_of_a_replaced_version_says_so_and_leads_to_the_newer_one_and_back(asked: Asked, store: Callable[..., int]) -> None:
    app = asked(QUESTION)
    newer = store(pdfs.blank_between())
    cited(app)
    assert "The answer cites version 1. Version 2 has taken its place since." in said(app)
    quote = source_pane.opened_citation(next(iter(state_of(app).settled.values())), 1)
    assert quote is not None
    assert quote.quote in said(app)
    app.button(key="newer-version").click().run()
    held = state_of(app).opened
    assert held is not None
    assert held.document_id == newer
    assert "This is the newer version. The answer does not rest on it." in said(app)
    app.button(key="cited-version").click().run()
    assert state_of(app).opened == quote


def test_a_citation_of_the_version_that_answers_says_nothing_of_versions(asked: Asked) -> None:
    assert "version" not in said(cited(asked(QUESTION)))


def test_a_citation_of_a_deleted_document_keeps_its_quote(deps: Deps, asked: Asked) -> None:
    app = asked(QUESTION)
    (document,) = library.documents(deps, SUBJECT)
    library.delete(deps, SUBJECT, document.id)
    app = open_app("pages/chat.py", c=app.query_params["c"][0])
    cited(app)
    assert "This document has been deleted. The quote is kept." in said(app)


def test_what_was_read_from_a_scan_is_said_at_answer_card_and_page(deps: Deps, asked: Asked) -> None:
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("update pages set source = 'ocr', confidence = 0.87")
    app = asked(QUESTION)
    assert "Read from a scan: 1" in said(app)
    assert "Check the picture." in said(app)
    assert "read from a scan" in said(app).splitlines()
    cited(app)
    assert "This page was read from a scan: check the picture. Read by text recognition, confidence 0.87." in said(app)


def test_what_the_file_itself_holds_as_text_is_not_called_a_scan(asked: Asked) -> None:
    app = asked(QUESTION)
    cited(app)
    assert "scan" not in said(app)
