"""How figures are written for people."""

from collections.abc import Sequence


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, [":--:"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.ljust(8) for cell in line)} |" for line in lines)


def figure(value: float | None) -> str:
    """A figure, or a dash where there is none."""
    return "–" if value is None else f"{value:.1f}"


def signed(value: float | None) -> str:
    """A change, or a dash where there is none."""
    return "–" if value is None else f"{round(value, 1) + 0.0:+.1f}"  # adding 0 makes -0 a 0


def interval(low: float | None, high: float | None) -> str:
    """An interval of changes, or a dash where there is none."""
    return "–" if low is None else f"{signed(low)} … {signed(high)}"
