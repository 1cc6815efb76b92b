"""nginx before an index: TLS, and a path prefix that it takes away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.index.clients.authority import Authority
from tests.index.program import PATIENCE

HOST = "127.0.0.1"
NGINX = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
CONFIG = """
daemon off;
user {user};
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    log_format asked "$request_method $request_uri $status";
    access_log {folder}/access.log asked;
    server {{
        listen {listen} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        client_max_body_size 0;
        location {prefix}/ {{
            proxy_pass {url}/;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-Proto https;
            {more}
        }}
    }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxied:
    """An index behind nginx, where its users find it."""

    url: str
    authority: Authority
    log: Path

    @property
    def asked(self) -> list[str]:
        """Each request so far: method, path, status."""
        return self.log.read_text().splitlines()


@contextlib.asynccontextmanager
async def behind_nginx(url: str, folder: Path, *, prefix: str, more: str = "") -> AsyncIterator[Proxied]:
    """nginx that hands all below a prefix to an index, without the prefix; `more` are directives."""
    assert NGINX is not None
    folder.mkdir(parents=True)
    authority = Authority(folder / "authority")
    certificate, key = authority.issue(HOST)
    with socket.create_server((HOST, 0)) as heard:
        listen = f"{HOST}:{heard.getsockname()[1]}"
        config = folder / "nginx.conf"
        words = {"folder": folder, "listen": listen, "certificate": certificate, "key": key, "prefix": prefix, "url": url, "more": more}
        config.write_text(CONFIG.format(user=pwd.getpwuid(os.geteuid()).pw_name, **words))
        process = await asyncio.create_subprocess_exec(
            *(NGINX, "-c", str(config), "-p", str(folder), "-e", str(folder / "error.log")),
            pass_fds=[heard.fileno()],
            env={"NGINX": f"{heard.fileno()};"},  # it takes a listening socket over, so no port can be lost to somebody else
        )
    try:
        proxied = Proxied(url=f"https://{listen}{prefix}", authority=authority, log=folder / "access.log")
        await _answering(proxied)
        yield proxied
    finally:
        process.terminate()
        async with asyncio.timeout(PATIENCE):
            await process.wait()


async def _answering(proxied: Proxied) -> None:
    """The socket listens already: the first answer comes when nginx is there."""
    trusted = ssl.create_default_context(cafile=proxied.authority.file)
    async with httpx.AsyncClient(verify=trusted, timeout=PATIENCE) as client:
        (await client.get(f"{proxied.url}/healthz")).raise_for_status()
