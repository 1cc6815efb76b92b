"""Running a resolver: a child process in an empty folder, with a deadline, and no variable of ours that would change its choice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Where to ask, how to get there and with which credentials is the operator's configuration. Whatever else these variables
# say changes which releases are chosen or what is done with them: a lock would depend on who started the host.
_KEPT = re.compile(
    r"UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|INDEX_\w+_(USERNAME|PASSWORD)|FIND_LINKS|NO_INDEX|OFFLINE|EXCLUDE_NEWER"
    r"|CACHE_DIR|NO_CACHE|CONFIG_FILE|NO_CONFIG|NO_SYSTEM_CONFIG|KEYRING_PROVIDER|CREDENTIALS_DIR|INSECURE_HOST|SYSTEM_CERTS|NATIVE_TLS"
    r"|HTTP_TIMEOUT|HTTP_CONNECT_TIMEOUT|REQUEST_TIMEOUT|CONCURRENT_\w+|LOCK_TIMEOUT)"
    r"|PIP_(INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|UPLOADED_PRIOR_TO|CACHE_DIR|NO_CACHE_DIR|CONFIG_FILE|KEYRING_PROVIDER"
    r"|PROXY|NO_PROXY_ENV|TRUSTED_HOST|CERT|CLIENT_CERT|TIMEOUT|DEFAULT_TIMEOUT|USE_FEATURE|DISABLE_PIP_VERSION_CHECK)"
)
# And where lines are broken to fit someone's terminal, sentences are not found again.
_OURS = re.compile(r"(UV|PIP)_|PYTHON|COLUMNS$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a child ended and what it said."""

    status: int
    output: str


def environment(given: Mapping[str, str], **ours: str) -> dict[str, str]:
    """The variables a resolver is started with: `given` without what changes its choice, and ours."""
    kept = {name: value for name, value in given.items() if _KEPT.fullmatch(name) or not _OURS.match(name)}
    return kept | ours


async def run(command: Sequence[str], *, folder: Path, env: Mapping[str, str], text: str = "", deadline: float) -> Ended:
    """Run the command to its end; TimeoutError after `deadline` seconds. Whatever it started ends with it."""
    child = await _started(command, folder, env)
    try:
        async with asyncio.timeout(deadline):
            said, _ = await child.communicate(text.encode())
    finally:
        if child.returncode is None:
            await _kill(child)
    return Ended(status=await child.wait(), output=said.decode(errors="replace"))


async def _started(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> asyncio.subprocess.Process:
    pipe, merged = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
    starting = asyncio.create_task(
        asyncio.create_subprocess_exec(*command, cwd=folder, env=env, stdin=pipe, stdout=pipe, stderr=merged, start_new_session=True)
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # A start that is cancelled ends the child alone, and waits for all that the child has started by then.
        await _kill(await starting)
        raise


async def _kill(child: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    await child.wait()
