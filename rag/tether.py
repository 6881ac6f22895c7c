"""``python -m rag.tether COMMAND...``: a command of the command line that ends when its parent does.

The parent holds a pipe to our standard input and never writes to it. However the parent ends (kill -9 too, on every system), the pipe
closes, and this process is asked to stop; one that has not stopped in the grace then granted is ended.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from rag.cli import main

GRACE = 20.0  # seconds in which a worker finishes its step and gives the rest back


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the worker sees to it: what was opened is closed
    threading.Thread(target=_end_with_parent, name="tether", daemon=True).start()
    sys.exit(main())
