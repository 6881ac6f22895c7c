"""Requests by their ids and routes."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from pages.parts.requests import HEADER, Requests
from rag import logs

PAGE = "/page/{document_id:int}"


def page(request: Request) -> PlainTextResponse:
    logging.getLogger("pages.test").warning("drawn")
    return PlainTextResponse("it is here", status_code=int(request.query_params.get("status", "200")))


def broken(_: Request) -> PlainTextResponse:
    raise RuntimeError("inside")


async def stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(socket.headers[HEADER])
    await socket.receive_text()
    await socket.close()


async def refuse(socket: WebSocket) -> None:
    await socket.close(1008)


@pytest.fixture
def client() -> TestClient:
    routes = [Route(PAGE, page), Route("/broken", broken), WebSocketRoute("/stream", stream), WebSocketRoute("/refused", refuse)]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Requests)]), raise_server_exceptions=False)


def counted(route: str, status: int) -> float:
    return REGISTRY.get_sample_value("situate_http_requests_total", {"route": route, "status": str(status)}) or 0.0


def test_a_request_is_counted_by_its_route_not_by_its_path(client: TestClient) -> None:
    before = counted(PAGE, 200), counted("other", 404)
    client.get("/page/1")
    client.get("/page/2")
    client.get("/secret-report.pdf")
    assert (counted(PAGE, 200), counted("other", 404)) == (before[0] + 2, before[1] + 1)
    assert REGISTRY.get_sample_value("situate_http_request_seconds_count", {"route": PAGE})


def test_a_well_formed_id_is_taken_and_answered(client: TestClient) -> None:
    assert client.get("/page/1", headers={HEADER: "proxy-1.2:3"}).headers[HEADER] == "proxy-1.2:3"


@pytest.mark.parametrize("given", ["", "two words", "<script>", "x" * 129])
def test_any_other_is_replaced(client: TestClient, given: str) -> None:
    answered = client.get("/page/1", headers={HEADER: given}).headers[HEADER]
    assert answered != given
    assert len(answered) == 16
    assert client.get("/page/1").headers[HEADER] != answered


def test_a_record_tells_its_request(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []
    caplog.handler.addFilter(lambda record: seen.append(logs.Objects().format(record)) or True)
    client.get("/page/1", headers={HEADER: "mine"})
    assert any('"message": "drawn"' in line and '"request": "mine"' in line for line in seen)


def test_a_failure_is_said_with_its_route(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    before = counted("/broken", 500)
    assert client.get("/broken", headers={HEADER: "mine"}).status_code == 500
    assert counted("/broken", 500) == before + 1
    (said,) = [record for record in caplog.records if record.message == "a request failed"]
    assert (vars(said)["request"], vars(said)["route"], vars(said)["status"]) == ("mine", "/broken", 500)
    client.get("/page/1?status=503")
    assert len([record for record in caplog.records if record.message == "a request failed"]) == 1


def test_a_page_is_open_while_its_connection_is(client: TestClient) -> None:
    before = REGISTRY.get_sample_value("situate_open_pages")
    with client.websocket_connect("/stream", headers={HEADER: "mine"}) as socket:
        assert socket.receive_text() == "mine"
        assert REGISTRY.get_sample_value("situate_open_pages") == before + 1
        socket.send_text("enough")
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()
    assert REGISTRY.get_sample_value("situate_open_pages") == before
    assert counted("/stream", 101)


def test_a_connection_that_was_refused_is_no_failure(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    before = counted("/refused", 403)
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/refused"):
        pass
    assert counted("/refused", 403) == before + 1
    assert "a request failed" not in caplog.text
