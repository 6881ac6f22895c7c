"""All stand-ins for trials by hand: `python -m tests.standin --port 8787`."""

from __future__ import annotations

import argparse
import contextlib
import threading

from tests import standin

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--port", type=int, default=8787, help="Anthropic's; Cohere's is the next one, then Voyage's")
parser.add_argument("--delay", type=float, default=0.0, help="seconds before a response begins")
parser.add_argument("--event-delay", type=float, default=0.03, help="seconds between two events of a stream")
options = parser.parse_args()

with standin.anthropic(options.port) as claude, standin.cohere(options.port + 1) as cohere, standin.voyage(options.port + 2) as voyage:
    claude.delay = cohere.delay = voyage.delay = options.delay
    claude.event_delay = options.event_delay
    print(f"Anthropic {claude.url}  Cohere {cohere.url}  Voyage {voyage.url}  key {claude.key}", flush=True)  # noqa: T201
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
