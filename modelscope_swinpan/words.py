"""Counts in messages."""


def number_of(count: int, noun: str) -> str:
    """A count and what it counts, as in "1 image" and "2 images"; ``noun`` is the word for one."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
