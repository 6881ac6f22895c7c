"""Conversations by the day they were last spoken in, as the reader's calendar has it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from pages.parts.i18n import _

if TYPE_CHECKING:
    from rag.conversation import Conversation

GROUPS = ("today", "yesterday", "week", "older")


def group_name(group: str) -> str:
    names = {"today": _("Today"), "yesterday": _("Yesterday"), "week": _("Last 7 days"), "older": _("Older")}
    return names[group]


def grouped(held: Iterable[Conversation], *, now: dt.datetime) -> dict[str, list[Conversation]]:
    """The groups that hold any, in order; `now` is in the reader's time zone."""
    found: dict[str, list[Conversation]] = {group: [] for group in GROUPS}
    for conversation in held:
        days = (now.date() - conversation.updated_at.astimezone(now.tzinfo).date()).days
        found["today" if days < 1 else "yesterday" if days < 2 else "week" if days < 7 else "older"].append(conversation)
    return {group: members for group, members in found.items() if members}


def readers_now() -> dt.datetime:
    """The time where the reader is; in UTC where the browser does not say."""
    try:
        zone: dt.tzinfo = ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):  # a browser may say anything
        zone = dt.UTC
    return dt.datetime.now(zone)
