"""What a target claims, held against the name of its wheel before anything is fetched."""

from __future__ import annotations

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from plughost.errors import WheelMisfit, WheelMisnamed
from plughost.model.plugin import Target
from plughost.wheel.name import fits, parse_filename


def check_claims(target: Target) -> None:
    """Raise NotAWheel, WheelMisnamed or WheelMisfit where the file's name says another release, or one for another machine.

    The guard holds what is in the wheel against that name.
    """
    name = parse_filename(target.wheel.filename)
    if not _same_version(name.version, target.version):
        raise WheelMisnamed(name.filename, f"it is version {name.version}, and is listed as {target.version}")
    if target.project is not None and canonicalize_name(target.project) != name.project:
        raise WheelMisnamed(name.filename, f"it is of the project {name.project}, and {target.name} is of {target.project}")
    if not fits(name):
        raise WheelMisfit(name.filename, "its tags fit neither this Python nor this platform")


def _same_version(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False
