"""What speaks against publishing a model directory."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """What is wrong with a file, by its path within the directory, and what to do about it."""

    file: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {' '.join(self.message.split())}"
