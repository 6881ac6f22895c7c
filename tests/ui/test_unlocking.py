"""A document that needs its password: asked for, refused with a sentence, kept nowhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from db import as_subject
from db.documents import Status
from rag import jobs, library
from rag.deps import Deps
from tests import pdfs
from tests.ui.conftest import SUBJECT, open_app, press, shown, state_of


@pytest.fixture
def locked(deps: Deps, store: Callable[..., int]) -> int:
    """A document that a worker could not open."""
    document_id = store(pdfs.with_password(), filename="secret.pdf", index=False)
    jobs.run_worker(deps, wait=False)
    return document_id


def answer(app: AppTest, password: str) -> AppTest:
    field = next(field for field in app.text_input if str(field.key).startswith("password-"))
    assert field.proto.type == field.proto.PASSWORD
    field.set_value(password)
    next(button for button in app.button if str(button.key).startswith("FormSubmitter:unlock-")).click().run()
    assert not app.exception
    return app


def kept(app: AppTest) -> str:
    """All that the session holds, in a string."""
    return f"{app.session_state._state.filtered_state} {state_of(app)}"


def test_a_locked_document_is_told_from_one_that_failed(locked: int) -> None:
    said = shown(open_app("pages/documents.py"))
    assert "Needs its password · " in said
    assert "Failed" not in said.replace("Failed\n 1", "")


def test_a_wrong_password_is_refused_and_the_right_one_unlocks_the_document(deps: Deps, locked: int) -> None:
    app = press(open_app("pages/documents.py"), f"unlock:{locked}")
    answer(app, "not the secret")
    assert state_of(app).refused in shown(app).replace("\\", "")
    assert state_of(app).refused
    assert library.document(deps, SUBJECT, locked).status is Status.FAILED
    assert "not the secret" not in kept(app)
    answer(app, "secret")
    assert state_of(app).asking is None
    assert "'secret'" not in kept(app)
    jobs.run_worker(deps, wait=False)
    assert library.document(deps, SUBJECT, locked).status is Status.READY


def test_a_refusal_is_forgotten_when_the_dialog_is_opened_again(locked: int) -> None:
    app = answer(press(open_app("pages/documents.py"), f"unlock:{locked}"), "wrong")
    refused = state_of(app).refused
    state_of(app).answered()
    press(app.run(), f"unlock:{locked}")
    assert refused not in shown(app).replace("\\", "")


def test_the_password_stands_in_no_row_of_the_database(deps: Deps, locked: int) -> None:
    answer(press(open_app("pages/documents.py"), f"unlock:{locked}"), "secret")
    with as_subject(deps.pool, SUBJECT) as connection:
        rows = connection.execute("select d::text from documents d").fetchall()
        queued = connection.execute("select args::text from procrastinate_jobs").fetchall()
    assert not [row for row in (*rows, *queued) if '"secret"' in row[0] or ",secret," in row[0]]
