"""Errors that a person can act on, shown as their sentence in place of what could not be drawn."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from db import DatabaseAway, DatabaseRefused
from pages.parts.escape import plain
from pages.parts.i18n import _, told
from rag.errors import SituateError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def attempt() -> Iterator[None]:
    """Do what a click asked for; where that cannot be done, say why in passing. For callbacks, which draw nothing."""
    try:
        yield
    except (SituateError, DatabaseAway) as error:
        st.toast(plain(told(str(error))), icon=":material/info:")


@contextmanager
def complaint() -> Iterator[None]:
    """Do what a form asked for; where that cannot be done, say why below it."""
    try:
        yield
    except (SituateError, DatabaseAway) as error:
        st.error(plain(told(str(error))), icon=":material/error:")


@contextmanager
def guard(name: str) -> Iterator[None]:
    """Draw a part of a page; where the database is away or something else a person can act on happens, say so and offer to try again.

    `name` tells the button of this part from those of others.
    """
    try:
        yield
    except (SituateError, DatabaseAway, DatabaseRefused) as error:
        st.warning(plain(told(str(error))), icon=":material/info:")
        st.button(_("Try again"), key=f"again-{name}")
