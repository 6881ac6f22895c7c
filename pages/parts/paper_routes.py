"""Beside the pages: the picture of a page, and a document's own PDF, for the browser to load, keep and open by itself.

A page of the application names them by `page_path` and `original_path`. Each request is for whoever is signed in, and checked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from db import DatabaseAway
from pages.parts.i18n import TRANSLATED, translate
from pages.parts.subject import subject_of
from rag import library, process
from rag.errors import DocumentGone, UnreadableDocument

if TYPE_CHECKING:
    from starlette.requests import Request

    from rag.deps import Deps

WIDTHS = (150, 1000, 1500, 2000, 3000, 4000)  # pixels in which a page is drawn; no others, so that nobody fills the memory with more

OURS_ONLY = {"Cross-Origin-Resource-Policy": "same-origin"}  # no page of another site shows them
# A browser may keep them, but asks each time whether they are still the reader's to see.
PICTURE = {**OURS_ONLY, "Cache-Control": "private, no-cache"}
# It may load nothing, and stand in no frame. Chromium shows it in a sandbox too; of other browsers and older ones that is not sure.
POLICY = "default-src 'none'; frame-ancestors 'none'"
ORIGINAL = {**OURS_ONLY, "Cache-Control": "private, no-store", "Content-Security-Policy": POLICY}


def page_path(document_id: int, number: int, *, width: int, attempt: int = 0) -> str:
    """Where a page's picture is; a further attempt is another path, so that the browser tries again."""
    return f"/page/{document_id}/{number}.png?width={width}" + (f"&attempt={attempt}" if attempt else "")


def original_path(document_id: int, *, page: int | None = None, save: bool = False) -> str:
    """Where a document's PDF is, opened at a page, or to be saved."""
    return f"/original/{document_id}.pdf" + ("?save=1" if save else "") + (f"#page={page}" if page else "")


class _Number(IntegerConvertor):
    """One that the database can hold. Python refuses to read one of thousands of digits at all."""

    regex = "[0-9]{1,18}"


register_url_convertor("number", _Number())


def paper_routes() -> list[Route]:
    """For pages.parts.web."""
    return [Route("/page/{document_id:number}/{number:number}.png", _page), Route("/original/{document_id:number}.pdf", _original)]


def _told(answer: Callable[[Request, Deps, str], Response]) -> Callable[[Request], Response]:
    """The answer, or as its sentence why there is none. Starlette runs it in a thread of its own."""

    @wraps(answer)
    def respond(request: Request) -> Response:
        deps = process.provided()
        try:
            return answer(request, deps, subject_of(deps))
        except DocumentGone as error:
            return _sentence(request, error, 404)
        except UnreadableDocument as error:
            return _sentence(request, error, 422)
        except DatabaseAway as error:
            return _sentence(request, error, 503)

    return respond


def _sentence(request: Request, error: Exception, status: int) -> Response:
    spoken = request.headers.get("accept-language", "")[:2].lower()
    sentence = translate(str(error), spoken) if spoken in TRANSLATED else str(error)
    return PlainTextResponse(sentence + "\n", status_code=status, headers={"Cache-Control": "no-store"})


@_told
def _page(request: Request, deps: Deps, subject: str) -> Response:
    asked = request.query_params.get("width", "")
    width = next((width for width in WIDTHS if str(width) == asked), library.WIDTH)
    png = library.page_image(deps, subject, request.path_params["document_id"], request.path_params["number"], width=width)
    headers = {**PICTURE, "ETag": f'"{blake2b(png, digest_size=16).hexdigest()}"'}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(png, media_type="image/png", headers=headers)


@_told
def _original(request: Request, deps: Deps, subject: str) -> Response:
    size = library.original_size(deps, subject, request.path_params["document_id"])
    document = library.document(deps, subject, request.path_params["document_id"])
    shown = "attachment" if "save" in request.query_params else "inline"
    name = document.filename.rpartition("/")[2]
    headers = {**ORIGINAL, "Content-Length": str(size), "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(name, safe='')}"}
    return StreamingResponse(library.original_parts(deps, subject, document.id), media_type="application/pdf", headers=headers)
