"""Errors that a person can act on, shown as their sentence in place of what could not be drawn."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from db import DatabaseAway, DatabaseRefused
from pages.parts.escape import plain
from pages.parts.i18n import _, forget_language, told
from pages.parts.requests import in_request
from rag import outage, process
from rag.errors import SituateError

if TYPE_CHECKING:
    from collections.abc import Iterator


AGAIN = 3.0  # seconds between two looks whether the database is back


@contextmanager
def attempt() -> Iterator[None]:
    """Do what a click asked for; where that cannot be done, say why in passing. For callbacks, which draw nothing."""
    try:
        with in_request():
            yield
    except (SituateError, DatabaseAway) as error:
        st.toast(plain(told(str(error))), icon=":material/info:")


@contextmanager
def complaint() -> Iterator[None]:
    """Do what a form asked for; where that cannot be done, say why below it."""
    try:
        with in_request():
            yield
    except (SituateError, DatabaseAway) as error:
        st.error(plain(told(str(error))), icon=":material/error:")


@contextmanager
def guard(name: str) -> Iterator[None]:
    """Draw a part of a page; where the database is away or something else a person can act on happens, say so and offer to try again.

    `name` tells the button of this part from those of others.
    """
    try:
        with in_request():
            yield
    except (SituateError, DatabaseAway, DatabaseRefused) as error:
        st.warning(plain(told(str(error))), icon=":material/info:")
        st.button(_("Try again"), key=f"again-{name}", on_click=forget_language)
        if isinstance(error, DatabaseAway):
            _look_again(name)


def _look_again(name: str) -> None:
    """Draw the page anew by itself once the database is back."""
    drawn = False

    def look() -> None:
        nonlocal drawn
        if drawn and outage.is_over(process.provided()):
            forget_language()
            st.rerun()
        drawn = True
        st.caption(_("This page looks again by itself every few seconds."))

    st.fragment(look, run_every=AGAIN, key=f"away-{name}")()
