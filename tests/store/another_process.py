"""Another host on the same home: leases one target, says how far it is, holds it until a line comes in.

python another_process.py HOME BOOT ORIGIN TARGET ENVIRON     (the last two as JSON)
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from plughost.model.plugin import Target, WheelFile, parse_name
from plughost.net import Client, Rules, own_origin
from plughost.store import Store


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def main(home: str, boot: str, origin: str, told: str, environ: str) -> None:
    wanted = json.loads(told)
    wheel = WheelFile(url=wanted["url"], filename=wanted["filename"], sha256=wanted["sha256"])
    target = Target(name=parse_name("chat"), version="1.0", wheel=wheel, mount="chat", index=wanted["index"])
    client = Client(Rules([own_origin(origin)]))
    store = Store(Path(home), client=client, resolver="uv", share={}, boot=boot, environ=json.loads(environ))
    await store.open()
    say("open")
    async with store.lease(target, lambda phase, *_: say(phase)) as site:
        say("site", *(wheel.sha256 for wheel in site.wheels))
        await asyncio.to_thread(sys.stdin.readline)
    say("pruned", len(await store.prune()))
    await store.close()
    await client.close()


asyncio.run(main(*sys.argv[1:]))
