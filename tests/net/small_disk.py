"""Downloads to a small disk that is full and is then made read-only. Runs in a mount namespace of its own.

python small_disk.py MOUNTPOINT     prints one JSON object
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from plughost.errors import PlughostError
from plughost.net import Client, Rules, fetch, own_origin
from tests.net.servers import reply, serving

LARGE = 6 * 1024 * 1024


async def code_of(client: Client, url: str, into: Path) -> str:
    try:
        await fetch(client, url, filename="a.whl", sha256=None, into=into, cap=2 * LARGE, deadline=60)
    except PlughostError as error:
        return error.code
    return "done"


async def main(home: Path) -> None:
    said: dict[str, object] = {}
    async with serving(reply(bytes(LARGE))) as large, serving(reply(b"small")) as small:
        client = Client(Rules([own_origin(large.url), own_origin(small.url)]), basic={})
        said["large"] = await code_of(client, large.url, home)
        said["asked"] = len(large.asked)
        said["left"] = [path.name for path in home.iterdir()]
        said["small"] = await code_of(client, small.url, home)
        subprocess.run(["mount", "--bind", str(home), str(home)], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", str(home)], check=True)
        said["read-only"] = await code_of(client, small.url, home)
        await client.close()
    sys.stdout.write(json.dumps(said))


asyncio.run(main(Path(sys.argv[1])))
