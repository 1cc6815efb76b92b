"""What pip and uv of a machine are configured for, as they say it themselves."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pip._internal.models.index import PyPI

from plughost.net import Origin, Registries, configured
from tests.net.conftest import Serve
from tests.net.servers import Server, reply

FIRST, SECOND, THIRD = "http://one.example.com/simple/", "http://two.example.com/simple/", "http://three.example.com/simple/"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def env(home: Path, tmp_path: Path) -> dict[str, str]:
    """A machine whose user has this home, and whose system-wide files are below `etc`."""
    plain = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CONFIG_DIRS": f"{tmp_path}/etc:{tmp_path}/more"}
    return plain | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def pip_says(env: dict[str, str]) -> tuple[str, ...]:
    """The indexes that pip would ask, as it names them; its own default is left out. Nothing leaves the machine."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--retries", "0", "--proxy", "http://127.0.0.1:9", "no-such-project"]
    said = subprocess.run(command, env=env, capture_output=True, text=True, check=False).stdout
    found = re.search(r"^Looking in indexes: (.*)$", said, re.MULTILINE)
    return tuple(url for url in found[1].split(", ") if url != PyPI.simple_url) if found else ()


def hidden(urls: tuple[str, ...]) -> tuple[str, ...]:
    """As pip shows them."""
    return tuple(re.sub(r"(?<=//)([^:@/]*):[^@/]*@", r"\1:****@", url) for url in urls)


@pytest.mark.parametrize(
    ("files", "variables"),
    [
        ({}, {}),
        ({}, {"PIP_INDEX_URL": FIRST}),
        ({}, {"PIP_INDEX_URL": FIRST, "PIP_EXTRA_INDEX_URL": f"{SECOND} {THIRD}"}),
        ({"home/.config/pip/pip.conf": f"[global]\nindex-url = {FIRST}\nextra-index-url =\n    {SECOND}\n    {THIRD}\n"}, {}),
        ({"home/.config/pip/pip.conf": f"[global]\nindex_url = {FIRST}\n[install]\nindex-url = {SECOND}\n"}, {}),
        ({"home/.config/pip/pip.conf": f"[global]\nindex-url = {FIRST}\n"}, {"PIP_INDEX_URL": SECOND}),
        ({"home/.pip/pip.conf": f"[global]\nindex-url = {FIRST}\n"}, {}),
        ({"home/.pip/pip.conf": f"[global]\nindex-url = {FIRST}\n", "home/.config/pip/pip.conf": f"[global]\nindex-url = {SECOND}\n"}, {}),
        ({"etc/pip/pip.conf": f"[global]\nindex-url = {FIRST}\n", "more/pip/pip.conf": f"[global]\nindex-url = {SECOND}\n"}, {}),
        ({"etc/pip/pip.conf": f"[install]\nindex-url = {FIRST}\n", "home/.config/pip/pip.conf": f"[global]\nindex-url = {SECOND}\n"}, {}),
        (
            {"home/.config/pip/pip.conf": f"[global]\nindex-url = {FIRST}\n", "a.conf": f"[global]\nextra-index-url = {SECOND}\n"},
            {"PIP_CONFIG_FILE": "a.conf"},
        ),
        ({"home/.config/pip/pip.conf": f"[global]\nindex-url = {FIRST}\n"}, {"PIP_CONFIG_FILE": "missing.conf"}),
        ({"home/.config/pip/pip.conf": f"[global]\nindex-url = {FIRST}\n"}, {"PIP_CONFIG_FILE": os.devnull}),
        ({"config/pip/pip.conf": f"[global]\nindex-url = {FIRST}\n"}, {"XDG_CONFIG_HOME": "config"}),
        ({"home/.config/pip/pip.conf": f"[global]\nindex-url = {FIRST}\n"}, {"PIP_INDEX_URL": ""}),
        ({}, {"PIP_INDEX_URL": "https://ada:secret@one.example.com/simple/"}),
    ],
)
def test_pip_asks_what_we_say_it_asks(env: dict[str, str], tmp_path: Path, files: dict[str, str], variables: dict[str, str]) -> None:
    for name, text in files.items():
        put(tmp_path / name, text)
    for name, value in variables.items():
        env[name] = str(tmp_path / value) if name in {"PIP_CONFIG_FILE", "XDG_CONFIG_HOME"} and value != os.devnull else value

    assert hidden(configured(env).pip) == pip_says(env)


def test_an_unreadable_file_of_pip_is_pips_affair(env: dict[str, str], home: Path) -> None:
    put(home / ".config/pip/pip.conf", "nonsense")
    (home / ".pip").mkdir()
    (home / ".pip/pip.conf").write_bytes(b"[global]\nindex-url = \xff\n")
    assert configured(env).pip == ()


async def uv_says(env: dict[str, str], folder: Path, proxy: Server) -> list[str]:
    """The indexes that uv asks for a project that none has."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}")
    assert uv is not None
    folder.mkdir()
    more = {"UV_CACHE_DIR": str(folder / "cache"), "HTTP_PROXY": proxy.url, "HTTPS_PROXY": proxy.url}
    command = [uv, "pip", "compile", "-", "--index-strategy", "first-index", "--python", sys.executable]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, env=env | more, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe)
    await child.communicate(b"no-such-project")
    return [request.target.removesuffix("no-such-project/") for request in proxy.asked]


@pytest.mark.parametrize(
    ("files", "variables", "expected"),
    [
        ({}, {"UV_DEFAULT_INDEX": FIRST}, (FIRST,)),
        ({}, {"UV_INDEX_URL": FIRST, "UV_EXTRA_INDEX_URL": SECOND}, (SECOND, FIRST)),
        ({}, {"UV_INDEX": f"acme={SECOND} {THIRD}", "UV_DEFAULT_INDEX": f"main={FIRST}"}, (SECOND, THIRD, FIRST)),
        ({"home/.config/uv/uv.toml": f'index-url = "{FIRST}"\nextra-index-url = ["{SECOND}"]\n'}, {}, (SECOND, FIRST)),
        ({"home/.config/uv/uv.toml": f'[[index]]\nurl = "{FIRST}"\ndefault = true\n'}, {}, (FIRST,)),
        ({"home/.config/uv/uv.toml": f'[pip]\nindex-url = "{FIRST}"\n'}, {}, (FIRST,)),
        ({"config/uv/uv.toml": f'index-url = "{FIRST}"\n'}, {"XDG_CONFIG_HOME": "config"}, (FIRST,)),
        (
            {
                "home/.config/uv/uv.toml": f'[[index]]\nurl = "{SECOND}"\n',
                "etc/uv/uv.toml": f'[[index]]\nurl = "{FIRST}"\ndefault = true\n',
            },
            {},
            (SECOND, FIRST),
        ),
        ({"more/uv/uv.toml": f'[[index]]\nurl = "{FIRST}"\ndefault = true\n'}, {}, (FIRST,)),
        (
            {"home/.config/uv/uv.toml": f'index-url = "{FIRST}"\n', "a.toml": f'index-url = "{SECOND}"\n'},
            {"UV_CONFIG_FILE": "a.toml"},
            (SECOND,),
        ),
        ({"home/.config/uv/uv.toml": f'index-url = "{FIRST}"\n'}, {"UV_NO_CONFIG": "1", "UV_DEFAULT_INDEX": SECOND}, (SECOND,)),
    ],
)
async def test_uv_asks_what_we_say_it_asks(
    serve: Serve, env: dict[str, str], tmp_path: Path, files: dict[str, str], variables: dict[str, str], expected: tuple[str, ...]
) -> None:
    for name, text in files.items():
        put(tmp_path / name, text)
    for name, value in variables.items():
        env[name] = str(tmp_path / value) if name in {"UV_CONFIG_FILE", "XDG_CONFIG_HOME"} else value

    assert configured(env).uv == expected
    assert await uv_says(env, tmp_path / "empty", await serve(reply(status=404))) == list(expected)


def test_an_unreadable_file_of_uv_is_uvs_affair(env: dict[str, str], home: Path) -> None:
    put(home / ".config/uv/uv.toml", "index = 1\nextra-index-url = 'text'\n")
    assert configured(env).uv == ()
    put(home / ".config/uv/uv.toml", "= nonsense")
    assert configured(env).uv == ()


def test_credentials_belong_to_the_origin_of_their_registry(env: dict[str, str]) -> None:
    env["PIP_INDEX_URL"] = "https://ada:pass%20word@one.example.com/simple/"
    env["PIP_EXTRA_INDEX_URL"] = "https://two.example.com/simple/ file:///wheels https://token@127.0.0.1:8443/simple/"
    env["UV_INDEX"] = "acme-corp=https://three.example.com/simple/"
    env["UV_INDEX_ACME_CORP_USERNAME"], env["UV_INDEX_ACME_CORP_PASSWORD"] = "grace", "secret"
    found = configured(env)
    assert found.credentials == {
        Origin("https", "one.example.com", 443): ("ada", "pass word"),
        Origin("https", "127.0.0.1", 8443): ("token", ""),
        Origin("https", "three.example.com", 443): ("grace", "secret"),
    }
    assert "pass" not in repr(found)
    assert "secret" not in repr(found)


def test_a_machine_that_is_configured_for_nothing(env: dict[str, str]) -> None:
    assert configured(env) == Registries(pip=(), uv=(), credentials={})
