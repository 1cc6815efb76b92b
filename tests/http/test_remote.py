"""What client commands hear of a running program."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from plughost.http.remote import Refused, Remote

PROBLEM = {"code": "plugin-unknown", "status": 404, "detail": "no plugin is called chat"}
TALK: dict[str, tuple[int, bytes]] = {
    "/ok": (200, b'{"plugins": []}'),
    "/none": (204, b""),
    "/problem": (404, json.dumps(PROBLEM).encode()),
    "/page": (200, b"<html>"),
    "/list": (200, b"[]"),
    "/list-problem": (500, b'["x"]'),
    "/latin": (200, b'{"a": "\xff"}'),
    "/elsewhere": (307, b"{}"),
}


class _Program(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.asked: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Talk(BaseHTTPRequestHandler):
    server: _Program

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["authorization"]))
        status, body = TALK[self.path.partition("?")[0]]
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def program() -> Iterator[_Program]:
    with _Program() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Callable[..., Remote]]:
    made: list[Remote] = []

    def make(url: str, token: str | None = None) -> Remote:
        made.append(Remote(url, token=token, home=tmp_path, program="plughost"))
        return made[-1]

    yield make
    for each in made:
        each._http.close()


def test_an_answer_is_its_json(program: _Program, remote: Callable[..., Remote]) -> None:
    assert remote(program.url + "/").get("/ok", limit=3, plugin=None) == {"plugins": []}
    assert remote(program.url).ask("GET", "/none") == {}
    assert program.asked == [("/ok?limit=3", None), ("/none", None)]


def test_the_token_is_the_one_given_else_the_one_of_the_home(program: _Program, remote: Callable[..., Remote], tmp_path: Path) -> None:
    (tmp_path / "admin-token").write_text("of-the-home\n")
    remote(program.url, "given").get("/ok")
    remote(program.url).get("/ok")
    (tmp_path / "admin-token").write_bytes(b"\xff\xfe")
    remote(program.url).get("/ok")
    assert [token for _, token in program.asked] == ["Bearer given", "Bearer of-the-home", None]


def test_a_problem_is_a_refusal_with_its_code(program: _Program, remote: Callable[..., Remote]) -> None:
    with pytest.raises(Refused, match="no plugin is called chat") as refused:
        remote(program.url).get("/problem")
    assert refused.value.code == "plugin-unknown"
    assert refused.value.problem == PROBLEM


@pytest.mark.parametrize("path", ["/page", "/list", "/list-problem", "/latin"])
def test_whoever_does_not_talk_json_is_another_program(program: _Program, remote: Callable[..., Remote], path: str) -> None:
    with pytest.raises(Refused, match="is it a plughost") as refused:
        remote(program.url).get(path)
    assert refused.value.code == "unreachable"


def test_a_redirect_is_no_answer(program: _Program, remote: Callable[..., Remote]) -> None:
    with pytest.raises(Refused):
        remote(program.url).get("/elsewhere")


@pytest.mark.parametrize(
    "url",
    [
        "http://ada:secret@[::1",
        "http://ada:secret@127.0.0.1:x",
        "http://ada:secret/@127.0.0.1",
        "nonsense",
        "",
        "ftp://127.0.0.1",
        "http://ada:secret@127.0.0.1:{free}",
    ],
)
def test_what_cannot_be_reached_is_said_without_a_password(remote: Callable[..., Remote], url: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound, but nobody listens
        with pytest.raises(Refused) as refused:
            remote(url.replace("{free}", str(free.getsockname()[1]))).get("/ok")
    assert refused.value.code == "unreachable"
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("token", ["se\ncret", "se\0cret"])
def test_a_token_that_no_header_can_carry_is_not_repeated(program: _Program, remote: Callable[..., Remote], token: str) -> None:
    with pytest.raises(Refused, match="no header may have") as refused:
        remote(program.url, token).get("/ok")
    assert "cret" not in str(refused.value)


def test_a_token_of_any_script_is_sent_as_utf8(program: _Program, remote: Callable[..., Remote]) -> None:
    remote(program.url, "secr\u00e9t").get("/ok")
    assert program.asked == [("/ok", "Bearer secr\u00e9t".encode().decode("latin-1"))]


def test_a_client_command_loads_no_server() -> None:
    code = (
        "import plughost.http.remote, sys; print([m for m in ('uvicorn', 'starlette', 'fastapi', 'h11._connection_') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"
