"""Tables in Markdown, and whether a goal was met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Goals:
    """Counts the goals that were missed."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def verdict(self, name: str, met: bool) -> str:
        """The word that stands in a table."""
        if not met:
            self.missed.append(name)
        return "met" if met else "**missed**"


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under a heading."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def time_of(microseconds: float) -> str:
    """A time in the unit that suits it, with three digits."""
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{_three_digits(microseconds / size)} {unit}"
    return f"{_three_digits(microseconds)} µs"


def memory_of(kib: float) -> str:
    """An amount of memory in MiB."""
    return f"{kib / 1024:.1f} MiB"


def _three_digits(number: float) -> str:
    return f"{number:.{2 if number < 10 else 1 if number < 100 else 0}f}"
