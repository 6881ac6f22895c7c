"""The reader's language: gettext with Babel's catalogues, as the reader chose it or else by the browser's locale.

Catalogues are locales/LANGUAGE/LC_MESSAGES/situate.po, compiled in memory on first use. English is the language of the source.
The back end speaks English; `told` finds the translation of its sentences by their pattern, such as "{} is empty (0 bytes)...".
"""

from __future__ import annotations

import gettext
import io
import re
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import streamlit as st
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from db import DatabaseAway
from pages.parts.state import page_state
from pages.parts.subject import subject_of
from rag import process
from rag.preferences import preferences

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message

DOMAIN = "situate"
TRANSLATED = ("zh",)
BACKEND = "back end"  # marks, as a comment, an entry that translates a sentence of rag/ or db/, with {} for each value
_BETWEEN = re.compile(r"(?<=[.!?]) ")  # sentences


def language() -> str:
    """The reader's language among those we speak. What was chosen is asked for once a session."""
    state = page_state()
    if state.language is None:
        state.language = _chosen()
    wanted = state.language or (st.context.locale or "").replace("_", "-").split("-")[0].lower()
    return wanted if wanted in TRANSLATED else "en"


def forget_language() -> None:
    """Ask anew what was chosen: the database may have been away when it was asked."""
    page_state().language = None


def _chosen() -> str:
    try:
        deps = process.provided()
        return preferences(deps, subject_of(deps)).language
    except (LookupError, DatabaseAway):  # the page says so itself, in the browser's language
        return ""


def _(message: str) -> str:
    """The message in the reader's language."""
    return translations(language()).gettext(message)


def plural(singular: str, several: str, n: int) -> str:
    """The form that fits n, in the reader's language, with {n} filled in."""
    return translations(language()).ngettext(singular, several, n).format(n=f"{n:,}")


def told(sentence: str) -> str:
    """A sentence of the back end in the reader's language; as it is when no translation fits."""
    spoken = language()
    return sentence if spoken == "en" else translate(sentence, spoken)


def translate(sentence: str, spoken: str) -> str:
    """`told` for a named language. A value inside a sentence may be a sentence of the back end itself, and several may follow one another."""
    pieces = _BETWEEN.split(sentence)
    if len(pieces) > 1:
        spoken_pieces = [translate(piece, spoken) for piece in pieces]
        if all(told != piece for told, piece in zip(spoken_pieces, pieces, strict=True)):
            return "".join(spoken_pieces)
    for pattern, translation in _sentences(spoken):
        if found := pattern.fullmatch(sentence):
            return translation.format(*(translate(value, spoken) if " " in value else value for value in found.groups()))
    return sentence


@lru_cache
def read_catalogue(spoken: str) -> Catalog:
    """The catalogue as its translators wrote it."""
    source = files("locales").joinpath(spoken, "LC_MESSAGES", f"{DOMAIN}.po").read_bytes()
    return read_po(io.BytesIO(source), locale=spoken)


@lru_cache
def translations(spoken: str) -> gettext.NullTranslations:
    """What gettext needs of a language."""
    if spoken not in TRANSLATED:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, read_catalogue(spoken))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def is_backend(message: Message) -> bool:
    return BACKEND in message.auto_comments


@lru_cache
def _sentences(spoken: str) -> list[tuple[re.Pattern[str], str]]:
    """Patterns of the back end's sentences, those with the most fixed text first, and their translations."""
    entries = [m for m in read_catalogue(spoken) if m.id and is_backend(m)]
    entries.sort(key=lambda m: -len(str(m.id)))
    return [(re.compile("(.+?)".join(map(re.escape, str(m.id).split("{}"))), re.DOTALL), str(m.string)) for m in entries]
