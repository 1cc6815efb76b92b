"""How `benchmarks/index.py` prints what it found: each line as soon as it is known."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

OURS = "plugin_index"
NAMES = (OURS, "pypiserver", "devpi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Requests a second, and seconds of the server's processor time for each."""

    rate: float
    cpu: float

    @classmethod
    def median(cls, costs: Sequence[Cost]) -> Cost:
        return cls(rate=statistics.median(cost.rate for cost in costs), cpu=statistics.median(cost.cpu for cost in costs))

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s {_short(self.cpu)}" if self.rate >= 10 else f"{self.rate:.2f}/s {_short(self.cpu)}"


class Table:
    """Prints its head, then line by line."""

    def __init__(self) -> None:
        self._print("what", NAMES, "ratio", "cpu", "wanted", "")

    def rates(self, what: str, costs: Mapping[str, Cost], *, wanted: float | None = None) -> None:
        """Ratios to the better rival: of rates, and of processor time."""
        rivals = [cost for name, cost in costs.items() if name != OURS]
        ratio = costs[OURS].rate / max(cost.rate for cost in rivals)
        cpu = min(cost.cpu for cost in rivals) / costs[OURS].cpu
        self.row(what, {name: str(cost) for name, cost in costs.items()}, ratio=ratio, cpu=cpu, at_least=wanted)

    def seconds(
        self,
        what: str,
        found: Mapping[str, Sequence[float]],
        *,
        at_most: float | None = None,
        times: float | None = None,
        of: str | None = None,
        cpu: Mapping[str, float] | None = None,
    ) -> None:
        """Medians, and how many times the better rival's (or that one's) is ours."""
        medians = {name: statistics.median(each) for name, each in found.items()}
        ratio = _times_ours(medians, of)
        shown = {name: _short(each) + (f" {_short(cpu[name])}" if cpu else "") for name, each in medians.items()}
        less = _times_ours(cpu, of) if cpu else None
        self.row(what, shown, ratio=ratio, cpu=less, value=medians[OURS] if at_most else None, at_most=at_most, at_least=times)

    def row(
        self,
        what: str,
        shown: Mapping[str, str],
        *,
        ratio: float | None = None,
        cpu: float | None = None,
        value: float | None = None,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Whether it was reached is told of the value, or else of the ratio."""
        judged = value if value is not None else ratio
        wanted, reached = "", ""
        if judged is not None and at_least is not None:
            wanted, reached = f">= {at_least:g}x", "reached" if judged >= at_least else "MISSED"
        if judged is not None and at_most is not None:
            wanted, reached = f"<= {at_most:g}", "reached" if judged <= at_most else "MISSED"
        self._print(what, [shown.get(name, "") for name in NAMES], _times(ratio), _times(cpu), wanted, reached)

    def _print(self, what: str, cells: Sequence[str], *rest: str) -> None:
        ratio, cpu, wanted, reached = rest
        print(f"{what:38} " + " ".join(f"{cell:>22}" for cell in cells) + f" {ratio:>8} {cpu:>8} {wanted:>8} {reached}", flush=True)


def _times_ours(found: Mapping[str, float], of: str | None) -> float:
    return (found[of] if of else min(each for name, each in found.items() if name != OURS)) / found[OURS]


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x" if ratio < 100 else f"{ratio:,.0f}x"


def _short(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} us" if seconds < 0.001 else f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
