"""Tokens and money: in all, by model, by document, by answer; where the prices come from."""

from __future__ import annotations

import datetime as dt

import streamlit as st

from pages import frame
from pages.parts import spending
from pages.parts.escape import plain
from pages.parts.guard import guard
from pages.parts.i18n import _
from pages.parts.money import day
from rag import usage
from rag.usage import By

page = frame(_("Usage"))

with guard("usage"), st.container(key="ledger"):
    now = dt.datetime.now(tz=dt.UTC)
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    ever = usage.spending(page.deps, page.subject, By.MODEL)
    st.title(_("Usage"), anchor=False)
    if ever:
        month = usage.spending(page.deps, page.subject, By.MODEL, since=first)
        spending.figures(month, ever)
        spending.chart(usage.spending(page.deps, page.subject, By.DAY, since=now - dt.timedelta(days=spending.DAYS)), now.date())
        spending.by_model(month, ever)
        for title, by, table in ((_("Documents"), By.DOCUMENT, spending.by_document), (_("Answers"), By.ANSWER, spending.by_answer)):
            if spent := usage.spending(page.deps, page.subject, by):
                st.header(title, anchor=False)
                table(spent)
    else:
        st.caption(_("Nothing has been sent to a paid model yet."))
    st.header(_("Prices"), anchor=False)
    listed = page.deps.prices
    said = _("Prices in US dollars as listed on {day}. What was spent keeps the price of its day.").format(day=day(listed.date))
    if listed.own_date:
        said += " " + _("Your own list of {day} goes before it: {path}").format(day=day(listed.own_date), path=listed.own)
    else:
        said += " " + _("To change or add prices, write them into {path} and start Situate again.").format(path=listed.own)
    st.caption(plain(said))
