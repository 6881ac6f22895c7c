"""The command line: its arguments, its signals, its exit codes. What each command does is in rag.commands.

Nothing heavy is imported before main() listens to signals, so Ctrl-C is calm from the first moment, and `--help` is quick.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

STAGES = ("dense", "bm25", "fused", "reranked")  # of rag.trace.Stage
CONTEXTS = ("none", "given", "structural", "model")  # of rag.question_sets.Context
LASTING = ("serve", "web", "worker")  # run until stopped, and log what they do
LONGEST_COLLECTION = 200  # characters
INTERRUPTED, PIPE_CLOSED = 130, 141  # what a shell calls SIGINT and SIGPIPE


def main() -> int:
    """The program: run the command that it was called with, and end even where a step is still under way in another thread."""
    try:
        Path.cwd()
    except FileNotFoundError:  # deleted under the shell that starts us: libraries ask for it
        os.chdir("/")
    code = execute(sys.argv[1:])
    if code == INTERRUPTED and threading.active_count() > 1:  # Python would wait for the step; the next worker takes it up
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def execute(argv: list[str]) -> int:
    """Run one command; 0 when all went well, 1 when something did not, 2 for wrong usage, 130 when interrupted."""
    try:
        with _terminated_as_interrupted():
            arguments = _parser().parse_args(argv)
            _prepare_output(arguments)
            return _run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _run(arguments: argparse.Namespace) -> int:
    from procrastinate.exceptions import ConnectorException

    from db import AWAY, DatabaseAway, DatabaseRefused
    from rag import commands, telemetry
    from rag.errors import SituateError
    from rag.output import note
    from rag.settings import load

    try:
        settings = load()
        telemetry.keep_from_langsmith(settings.granted)
        return commands.run(settings, arguments)
    except (SituateError, DatabaseRefused, DatabaseAway) as error:
        note(str(error))
    except ConnectorException:  # the queue's name for it
        note(AWAY)
    return 1


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end a command as Ctrl-C does: what was opened is closed, and work under way is given back."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _prepare_output(arguments: argparse.Namespace) -> None:
    """JSON is UTF-8 whatever the locale; elsewhere a character the terminal cannot show is escaped."""
    from rag import logs

    if isinstance(sys.stdout, io.TextIOWrapper):  # a file name may hold bytes that are no text: backslashreplace makes JSON's own escapes
        sys.stdout.reconfigure(encoding="utf-8" if getattr(arguments, "json", False) else None, errors="backslashreplace")
    logs.prepare(lasting=arguments.command in LASTING)


# --- arguments --------------------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="situate", description="Chat with your own PDFs; every claim opens its page.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _operate(commands)

    ingest = commands.add_parser("ingest", help="upload PDFs and wait until each is ready or failed")
    ingest.add_argument("paths", nargs="+", type=_path, metavar="PATH", help="a PDF, or a folder of them")
    find = commands.add_parser("search", help="show what a question retrieves")
    find.add_argument("question", metavar="QUESTION")
    find.add_argument("--document", action="append", metavar="NAME", help="only this file; may be repeated")
    find.add_argument("--top", type=_positive, default=20, metavar="N", help="how many passages (default: 20)")
    find.add_argument("--stage", choices=STAGES, default=STAGES[-1], help="the ranking to show (default: reranked)")
    ask = commands.add_parser("ask", help="answer a question, with checked citations")
    ask.add_argument("question", metavar="QUESTION")
    listing = commands.add_parser("list", help="list the documents")
    delete = commands.add_parser("delete", help="delete documents and all that came from them")
    delete.add_argument("names", nargs="+", metavar="NAME", help="file name, as list shows it")
    versions = commands.add_parser("versions", help="list the versions of a document")
    rename = commands.add_parser("rename", help="call a document otherwise")
    unlock = commands.add_parser("unlock", help="give the password of a PDF that needs one: asked for, or the first line of standard input")
    for command in (versions, rename, unlock):
        command.add_argument("name", metavar="NAME", help="file name, as list shows it")
    rename.add_argument("new", metavar="NEW", help="its new name")
    move = commands.add_parser("move", help="move documents to another collection")
    move.add_argument("names", nargs="+", metavar="NAME", help="file name, as list shows it")
    move.add_argument("--to", required=True, type=_collection, metavar="NAME", help="the collection, made if there is none of that name")
    collections = commands.add_parser("collections", help="list the collections, after creating, renaming, emptying or deleting one")
    _change_collections(collections)
    embedders = commands.add_parser("embedders", help="list the embedding models that have vectors here")
    embedders.add_argument("--drop", metavar="NAME", help="delete the vectors of one that serves no more")
    situate = commands.add_parser("situate", help="have documents situated again: what failed, or by another model")
    situate.add_argument("names", nargs="+", metavar="NAME", help="file name, as list shows it")
    steer = _steering(commands)
    measure = commands.add_parser("evaluate", help="measure retrieval on a set of questions, stage by stage")
    measure.add_argument(
        "--set", type=_path, required=True, metavar="DIR", help="a folder with questions.jsonl and documents (docs/users/evaluating.md)"
    )
    measure.add_argument("--json", type=_path, metavar="OUT", help="write the figures to this file too")
    measure.add_argument("--context", type=_names(CONTEXTS), metavar="NAMES", help=f"of {', '.join(CONTEXTS)}, by comma")
    measure.add_argument("--stage", type=_names(STAGES), metavar="NAMES", help=f"of {', '.join(STAGES)}, by comma")
    measure.add_argument("--language", metavar="CODE", help="only questions in this language, such as zh")
    some = measure.add_mutually_exclusive_group()
    some.add_argument("--limit", type=_positive, metavar="N", help="only the first so many questions")
    some.add_argument(
        "--sample", type=_positive, metavar="N", help="only so many questions, drawn by type and language, the same every time"
    )
    measure.add_argument(
        "--spend",
        type=_dollars,
        default=Decimal(0),
        metavar="USD",
        help="what contexts written by a paid model may cost (default: nothing)",
    )
    measure.add_argument("--by", choices=("type", "language"), help="tell these apart too")
    for command in (ingest, find, ask, listing, delete, versions, rename, unlock, move, situate, *steer):
        command.add_argument("--collection", type=_collection, metavar="NAME", help="only this collection (ingest: into it)")
        command.add_argument("--json", action="store_true", help="machine-readable output")
    return parser


def _operate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Those of whoever runs an installation."""
    serve = commands.add_parser("serve", help="run the web application, a worker, and the embedded database")
    web = commands.add_parser("web", help="run the web application alone, beside workers of their own")
    for command in (serve, web):
        command.add_argument("--port", type=_port, metavar="N", help="the port to listen on (default: SITUATE_PORT or 8501)")
    commands.add_parser("worker", help="index documents until stopped")
    commands.add_parser("migrate", help="bring the database up to date")
    save = commands.add_parser("backup", help="save the whole library in one file, while it is in use")
    save.add_argument("file", type=_path, metavar="FILE", help="the file to write; - for standard output")
    save.add_argument("--overwrite", action="store_true", help="also where there is such a file")
    restore = commands.add_parser("restore", help="put what a backup holds into an empty database, whole or not at all")
    restore.add_argument("file", type=_path, metavar="FILE", help="what `situate backup` wrote; - for standard input")
    restore.add_argument("--replace", action="store_true", help="delete the library that is there, and put this one in its place")
    doctor = commands.add_parser("doctor", help="check the installation and say what to do")
    doctor.add_argument("--mend", action="store_true", help="free work that is stuck")
    stats = commands.add_parser("stats", help="documents by state, seconds by stage, and the queue, for whoever watches")
    for command in (doctor, stats):
        command.add_argument("--json", action="store_true", help="machine-readable output")


def _change_collections(collections: argparse.ArgumentParser) -> None:
    change = collections.add_mutually_exclusive_group()
    change.add_argument("--create", type=_collection, metavar="NAME")
    change.add_argument("--rename", nargs=2, type=_collection, metavar=("NAME", "NEW"))
    change.add_argument("--empty", type=_collection, metavar="NAME", help="delete all documents in it")
    change.add_argument("--delete", type=_collection, metavar="NAME", help="only an empty one, unless --with-documents")
    collections.add_argument("--with-documents", action="store_true", help="delete what the collection holds too")
    collections.add_argument("--json", action="store_true", help="machine-readable output")


def _steering(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> list[argparse.ArgumentParser]:
    """Those that stop the queue, and set it going."""
    steering = [
        commands.add_parser("pause", help="stop the work on documents; what was done is kept"),
        commands.add_parser("resume", help="let paused documents go on"),
        commands.add_parser("cancel", help="give the work on documents up, until they are retried"),
        commands.add_parser("retry", help="try failed documents again"),
    ]
    for command in steering:
        command.add_argument("names", nargs="*", metavar="NAME", help="file name, as list shows it")
        command.add_argument("--all", action="store_true", help="all that it applies to")
    return steering


def _port(text: str) -> int:
    if text.isdecimal() and int(text) <= 65_535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is no port; ports are 0 (any free one) to 65535")


def _positive(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is not a number from 1 up")


def _dollars(text: str) -> Decimal:
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text, re.ASCII):
        return Decimal(text)
    raise argparse.ArgumentTypeError(f"{text} is no amount, such as 2.50")


def _path(text: str) -> Path:
    if not text:  # Path("") is the current folder: an unset variable of a script would upload all of it
        raise argparse.ArgumentTypeError("a path is empty")
    return Path(text)


def _names(known: Sequence[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        given = [name.strip() for name in text.split(",")]
        for name in given:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name or 'nothing'} is none of {', '.join(known)}")
        return given

    return names


def _collection(text: str) -> str:
    name = text.strip()
    if name and name.isprintable() and len(name) <= LONGEST_COLLECTION:
        return name
    raise argparse.ArgumentTypeError(f"a collection's name is one line of 1 to {LONGEST_COLLECTION} characters")


if __name__ == "__main__":
    sys.exit(main())
