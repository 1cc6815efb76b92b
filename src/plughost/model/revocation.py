"""What no host may run: sha256s that a source has revoked, plugin's wheel or dependency, whatever an operator said."""

from __future__ import annotations

from collections.abc import Mapping

from plughost.errors import Revoked

Reasons = Mapping[str, str]
"""sha256 of a wheel → why it is revoked."""


def refusal(release: object, contains: Mapping[str, str], revoked: Reasons) -> Revoked | None:
    """Why a release may not run that consists of these wheels (sha256 → project and version); None where it may."""
    for sha256, wheel in contains.items():
        if (reason := revoked.get(sha256)) is not None:
            return Revoked(str(release), wheel=wheel, sha256=sha256, reason=reason)
    return None
