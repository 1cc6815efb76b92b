"""The demo: real programs, real wheels, a real client. Each step is printed with its time; the first that is wrong ends it with 1."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PATIENCE = 60.0
"""Seconds until a step counts as failed."""


class Wrong(Exception):
    """A step did not end as it should."""


def main() -> int:
    """Run the demo; 0 when everything was as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="drive the whole story on free ports and end")
    once = parser.parse_args().once
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="plughost-demo-") as folder:
        try:
            story(Path(folder)) if once else serve(Path(folder))
        except Wrong as wrong:
            print(f"demo: WRONG: {wrong}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\ndemo: stopped")
    return 0


class Program:
    """A child process that says where it serves."""

    def __init__(self, name: str, *arguments: str, log: Path, **environment: str) -> None:
        self.log = log
        with log.open("ab") as sink:
            self.process = subprocess.Popen(
                [BIN / name, *arguments], stdout=subprocess.PIPE, stderr=sink, env=os.environ | environment, text=True, cwd=log.parent
            )
        self.url = self._serving()

    def _serving(self) -> str:
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if found := re.match(r"serving on (\S+)", line):
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return found[1]
        self.process.wait(PATIENCE)
        raise Wrong(f"{self.process.args[0]} ended with {self.process.returncode}: {said}{self.log.read_text()[-2000:]}")

    def stop(self) -> int:
        """End it as an operator would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


class Demo:
    """The index, the host, and their tokens."""

    def __init__(self, folder: Path, *, ports: tuple[int, int]) -> None:
        self.folder, self.ports = folder, ports
        self.index: Program | None = None
        self.host: Program | None = None
        self.http = httpx.Client(timeout=PATIENCE)

    def start_index(self) -> str:
        home = self.folder / "index"
        port = str(httpx.URL(self.index.url).port if self.index else self.ports[0])
        self.index = Program("plugin-index", "serve", "--home", str(home), "--port", port, log=self.folder / "index.log")
        return self.index.url

    def start_host(self) -> str:
        port = str(httpx.URL(self.host.url).port if self.host else self.ports[1])
        arguments = ["serve", "--home", str(self.folder / "host"), "--port", port, "--index", self.index_url]
        self.host = Program("plughost", *arguments, log=self.folder / "host.log")
        return self.host.url

    @property
    def index_url(self) -> str:
        assert self.index is not None
        return self.index.url

    @property
    def url(self) -> str:
        assert self.host is not None
        return self.host.url

    def token(self, whose: str) -> str:
        return (self.folder / whose / "admin-token").read_text().strip()

    def publish(self, *wheels: Path) -> str:
        """Upload with twine, unmodified, as any CI would."""
        command = [sys.executable, "-m", "twine", "upload", "--disable-progress-bar", "--non-interactive"]
        account = {
            "TWINE_REPOSITORY_URL": f"{self.index_url}/legacy/",
            "TWINE_USERNAME": "__token__",
            "TWINE_PASSWORD": self.token("index"),
        }
        done = subprocess.run([*command, *map(str, wheels)], env=os.environ | account, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Wrong(f"twine: {done.stdout}{done.stderr}")
        return ", ".join(wheel.name for wheel in wheels)

    def list_plugin(self, name: str, version: str = "") -> str:
        headers = {"Authorization": f"Bearer {self.token('index')}"}
        body = {"version": version} if version else {}
        answer = self.http.post(f"{self.index_url}/api/plugins/{name}/enable", json=body, headers=headers)
        return _well(answer)

    def operate(self, method: str, path: str, body: dict[str, object] | None = None) -> dict[str, object]:
        """One operator's call, to its end."""
        headers = {"Authorization": f"Bearer {self.token('host')}", "Prefer": "wait=60"}
        answer = self.http.request(method, f"{self.url}{path}", json=body, headers=headers)
        _well(answer)
        operation: dict[str, object] = answer.json()
        return operation

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.http.get(f"{self.url}{path}", headers=headers)

    def serving(self, name: str) -> str | None:
        """The version that serves."""
        answer = self.http.get(f"{self.url}/api/plugins/{name}", headers={"Authorization": f"Bearer {self.token('host')}"})
        serving = answer.json().get("serving") if answer.is_success else None
        return serving["version"] if serving else None

    def close(self) -> None:
        for program in (self.host, self.index):
            if program is not None:
                program.stop()


def _well(answer: httpx.Response) -> str:
    if answer.status_code != httpx.codes.OK:
        raise Wrong(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")
    return answer.text


def until(what: str, true: Callable[[], bool]) -> None:
    """Wait until it is true; Wrong when patience ends."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            if true():
                return
        time.sleep(0.02)
    raise Wrong(f"not within {PATIENCE:g} s: {what}")


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Print what is done, and how long it took."""
    print(f"  {what} ", end="", flush=True)
    start = time.perf_counter()
    yield
    print(f"({time.perf_counter() - start:.2f} s)", flush=True)


def build(folder: Path, *, version: str = "1.0.0", name: str = "chat") -> Path:
    """The example as a wheel, with this version."""
    source = folder / f"{name}-{version}"
    shutil.copytree(ROOT / "examples" / name, source)
    project = source / "pyproject.toml"
    project.write_text(project.read_text().replace('version = "1.0.0"', f'version = "{version}"'))
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Wrong(f"building {name}: {done.stdout}{done.stderr}")
    return next((folder / "dist").glob(f"acme_{name}-{version}-*.whl"))


def begin(folder: Path, ports: tuple[int, int]) -> Demo:
    """Index and host run, the examples are published and enabled, the host serves them; where that fails, neither stays."""
    demo = Demo(folder, ports=ports)
    try:
        _prepared(demo, folder)
    except BaseException:
        demo.close()
        raise
    return demo


def _prepared(demo: Demo, folder: Path) -> None:
    with step("start an index"):
        demo.start_index()
    with step("build the examples into wheels"):
        chat, notes = build(folder), build(folder, name="notes")
    with step("publish them with twine"):
        demo.publish(chat, notes)
    with step("start a host that follows the index"):
        demo.start_host()
    with step("enable both on the index; the host serves them"):
        demo.list_plugin("chat")
        demo.list_plugin("notes")
        until("chat and notes serve", lambda: demo.serving("chat") is not None and demo.serving("notes") is not None)


def story(folder: Path) -> None:
    """The whole life of a plugin."""
    print("demo: the whole story, on free ports")
    demo = begin(folder, (0, 0))
    try:
        used(demo)
        upgraded(demo, folder)
        rolled_back(demo)
        restarted(demo)
    finally:
        demo.close()
    print("demo: all as it should be")


def used(demo: Demo) -> None:
    """Routes and slots."""
    with step("call its route"):
        expect(demo.get("/chat/rooms").json() == {}, "GET /chat/rooms answers {}")
        expect("mistune" in demo.get("/notes/about").json(), "notes has its private dependency")
    with step("render the slot as HTML and as JSON"):
        fragments = demo.get("/slots/profile-icons?user=ada", Accept="text/html").text
        expect("/chat/?room=ada" in fragments and "/notes/" in fragments, "the slot shows both icons")
        items = demo.get("/slots/profile-icons?user=ada").json()
        expect([item["plugin"] for item in items["items"]] == ["chat", "notes"] and not items["errors"], "in their order")
    with step("read the OpenAPI document of all"):
        expect("/chat/rooms" in demo.get("/openapi.json").json()["paths"], "the plugin's operations are in it")


def upgraded(demo: Demo, folder: Path) -> None:
    """A new version while requests run; none is lost."""
    wheel = build(folder, version="1.1.0")
    stop, answers = threading.Event(), [0, 0]

    def load() -> None:
        with httpx.Client(timeout=PATIENCE) as client:
            while not stop.is_set():
                answers[client.get(f"{demo.url}/chat/rooms").status_code != httpx.codes.OK] += 1

    workers = [threading.Thread(target=load) for _ in range(4)]
    for worker in workers:
        worker.start()
    try:
        with step("publish 1.1.0 while requests run; the list follows, the host upgrades"):
            demo.publish(wheel)
            until("chat 1.1.0 serves", lambda: demo.serving("chat") == "1.1.0")
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    print(f"    {answers[0]} requests meanwhile, {answers[1]} failed")
    expect(answers[0] > 0 and answers[1] == 0, "no request failed during the upgrade")


def rolled_back(demo: Demo) -> None:
    """Back, off, and on again."""
    with step("roll back to 1.0.0"):
        demo.operate("POST", "/api/plugins/chat/rollback", {"reason": "demo"})
        expect(demo.serving("chat") == "1.0.0", "1.0.0 serves again")
    with step("disable notes; its routes and its icon are gone"):
        demo.operate("POST", "/api/plugins/notes/disable", {"reason": "demo"})
        expect(demo.get("/notes/about").status_code == httpx.codes.NOT_FOUND, "404 where a plugin is disabled")
        expect("notes" not in demo.get("/slots/profile-icons?user=ada").text, "no icon of notes")


def restarted(demo: Demo) -> None:
    """The index is down, the host starts all the same."""
    assert demo.host is not None and demo.index is not None
    with step("stop index and host; start the host alone"):
        expect(demo.index.stop() == 0, "the index ends with 0")
        expect(demo.host.stop() == 0, "the host ends with 0")
        demo.start_host()
        until("chat serves without the index", lambda: demo.get("/chat/rooms").status_code == httpx.codes.OK)
    with step("chat is still rolled back, notes still disabled"):
        expect(demo.serving("chat") == "1.0.0", "chat 1.0.0 serves")
        expect(demo.get("/notes/about").status_code == httpx.codes.NOT_FOUND, "notes is disabled")


def expect(true: object, what: str) -> None:
    """Wrong unless it is so."""
    if not true:
        raise Wrong(f"not so: {what}")


def serve(folder: Path) -> None:
    """Until Ctrl-C, with everything one can try."""
    print("demo: an index on 8100, a host on 8000, an application that embeds one on 8001")
    demo = begin(folder, (8100, 8000))
    profile = None
    try:
        with step("start an application that embeds a host (examples/profile)"):
            profile = embedded(demo)
        token = demo.token("host")
        print(f"""
  index    {demo.index_url}/                 host    {demo.url}/docs             embedding    http://127.0.0.1:8001/users/ada

  curl {demo.url}/chat/rooms
  curl -H 'Accept: text/html' '{demo.url}/slots/profile-icons?user=ada'
  curl -X PUT -d 'text=*hello*' {demo.url}/notes/first && curl {demo.url}/notes/first
  curl http://127.0.0.1:8001/users/ada
  curl -H 'Authorization: Bearer {token}' {demo.url}/api/plugins
  curl -H 'Authorization: Bearer {token}' -H 'Prefer: wait=30' -X POST {demo.url}/api/plugins/chat/disable
  curl -H 'Authorization: Bearer {token}' -H 'Prefer: wait=30' -X DELETE {demo.url}/api/plugins/chat/override
  curl -N -H 'Authorization: Bearer {token}' {demo.url}/api/events
  PLUGHOST_TOKEN={token} {BIN / "plughost"} list
  open {demo.url}/chat/ in two windows

  Ctrl-C ends it; logs are in {folder}""")
        while demo.host and demo.host.process.poll() is None:
            time.sleep(0.5)
        raise Wrong(f"the host ended: {(folder / 'host.log').read_text()[-2000:]}")
    finally:
        if profile:
            profile.terminate()
            profile.wait(PATIENCE)
        demo.close()


def embedded(demo: Demo) -> subprocess.Popen[bytes]:
    """examples/profile under plain uvicorn, following the same index."""
    settings = {
        "PLUGHOST_HOME": str(demo.folder / "profile"),
        "PLUGHOST_INDEX": demo.index_url,
        "PYTHONPATH": str(ROOT / "examples/profile/src"),
    }
    command = [sys.executable, "-m", "uvicorn", "--port", "8001", "--log-level", "warning", "profile_app:app"]
    with (demo.folder / "profile.log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log)
    until("the profile page shows the icon", lambda: "/chat/" in demo.http.get("http://127.0.0.1:8001/users/ada").text)
    return process


if __name__ == "__main__":
    sys.exit(main())
