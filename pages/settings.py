"""Which models serve, where text goes, which keys are missing, and how the pages look. Keys stay in the environment: none is shown or taken."""

from __future__ import annotations

import streamlit as st

from pages import frame
from pages.parts.appearance import appearance
from pages.parts.consent_notice import consent_notice
from pages.parts.guard import guard
from pages.parts.i18n import _
from pages.parts.missing_keys import missing_keys
from pages.parts.model_choice import model_choice
from pages.parts.where_text_goes import where_text_goes
from rag import choices

page = frame(_("Settings"))

with guard("settings"), st.container(key="settings"):
    st.title(_("Settings"), anchor=False)
    consent_notice(page.deps, page.subject)
    st.header(_("Which models serve"), anchor=False)
    for role in choices.roles(page.deps, page.subject):
        model_choice(page.deps, page.subject, role)
    st.header(_("Where text goes"), anchor=False)
    where_text_goes(page.deps, page.subject)
    st.header(_("Keys"), anchor=False)
    missing_keys(page.deps)
    st.header(_("Appearance"), anchor=False)
    appearance(page.deps, page.subject)
