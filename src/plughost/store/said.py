"""What a resolver said when it failed, as one of our errors: whose fault it is, in its own words, without secrets.

Resolvers tell their reasons in sentences only. What is read out of them here decides nothing but which of our errors is
raised: a network that failed is tried again, a conflict is not, and one with a shared distribution names it.
"""

from __future__ import annotations

import re

from plughost.errors import DirectUrl, PlughostError, ResolutionFailed, SharedConflict, SourceInvalid, SourceUnreachable
from plughost.store.resolve import Question

_LONGEST = 4000
_CREDENTIALS = re.compile(r"(?<=//)[^/\s@]+@")
_OUR_PATHS = re.compile(r"\s?@ file://[^\s)]+|\s?\(from file://[^\s)]+\)")
# Advice to do what we forbid (`--index-strategy`, `--no-build`), and sentences that say only that there is a plugin.
_IDLE = re.compile(
    r"^\s*hint: .*--.*$|^\s*And because only \S+ is available and you require .*$|^\s*(error: )?No solution found when resolving .*$"
    r"|^To fix this you could try to:$|^\d\. .*$|^.*for help visit https?://.*$|^(WARNING|\[notice\]).*$",
    re.MULTILINE,
)
_UNREACHABLE = (
    re.compile(r"Failed to fetch: `?(?P<url>https?://[^\s`]+)`?\s*(?P<reason>.*)", re.DOTALL),
    re.compile(r"An index (?:URL )?\((?P<url>[^)]+)\) (?P<reason>returned a 403|could not be queried[^\n]*)"),
    re.compile(r"(?P<url>host='[^\n]+): Max retries exceeded with url: (?P<reason>[^\n]+)"),
)
# pip goes on without what it could not reach; only where it then finds nothing was that the reason.
_PIP_FOUND_NOTHING = "ERROR: No matching distribution found"
_PIP_UNREACHABLE = (
    re.compile(r"WARNING: (?P<reason>40[13] Error)[^\n]* for (?P<url>https?://\S+)"),
    re.compile(r"connection broken by '(?P<reason>[^\n]*)': (?P<url>/\S*)"),
)
_UNUSABLE = re.compile(r"Received some unexpected \w+ from `(?P<url>[^`]+)`\s*(?P<reason>.*)", re.DOTALL)
_ADDRESS = re.compile(r"Consider adding `(?P<direct>[^`]+)`|(?P<built>nothing is built or run) while a plugin is resolved")
_BUILT = re.compile(r"installing build dependencies for (\S+)|Error \S+ .* for (\S+)$", re.MULTILINE)
_CAUSED = re.compile(r"The conflict is caused by:\n(.*?)(?:\n\n|\Z)", re.DOTALL)


def refusal(question: Question, output: str) -> PlughostError:
    """Why the question has no answer: DirectUrl, SourceUnreachable, SourceInvalid, SharedConflict or ResolutionFailed."""
    said = public(output)
    if (address := _ADDRESS.search(said)) is not None:
        return DirectUrl(address["direct"] or _built(said))
    if (failed := _failed_fetch(said)) is not None:
        return SourceUnreachable(failed["url"], _reason(failed["reason"]))
    if (unusable := _UNUSABLE.search(said)) is not None:
        return SourceInvalid(unusable["url"], _reason(unusable["reason"]))
    explanation = explained(said)
    for shared in question.shared:
        if re.search(rf"(?<![\w-]){re.escape(shared.project)}=={re.escape(shared.version)}(?![\w.])", explanation):
            return SharedConflict(shared.project, present=shared.version, wanted=[explanation])
    return ResolutionFailed(question.release, explanation)


def too_slow(question: Question, deadline: float) -> PlughostError:
    """For a resolver that had no answer in time, which is mostly a network that is slow."""
    return SourceUnreachable(public(question.index or "the registry"), f"the resolver had no answer after {deadline:g} s")


def public(text: str) -> str:
    """The text without credentials of URLs and without the paths of our own files."""
    return _OUR_PATHS.sub("", _CREDENTIALS.sub("", text))


def explained(said: str) -> str:
    """The reasons alone, as one paragraph."""
    caused, complaints = _CAUSED.search(said), re.findall(r"^\s*ERROR: .*", said, re.MULTILINE)
    reasons = _IDLE.sub("", caused[1] if caused else "\n".join(complaints) or said)
    words = " ".join(re.sub(r"^\s*(ERROR|error|cause): ", "", line).strip() for line in reasons.splitlines() if line.strip())
    return words[:_LONGEST] or "nothing"


def _failed_fetch(said: str) -> re.Match[str] | None:
    patterns = (*_UNREACHABLE, *(_PIP_UNREACHABLE if _PIP_FOUND_NOTHING in said else ()))
    found = (pattern.search(said) for pattern in patterns)
    return next((match for match in found if match is not None), None)


def _reason(said: str) -> str:
    lines = [line.strip().removeprefix("cause: ") for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "it cannot be reached"


def _built(said: str) -> str:
    found = _BUILT.search(said)
    return next(filter(None, found.groups()), "a dependency") if found else "a dependency"
