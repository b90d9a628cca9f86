"""What a model card is made of, and where its parts lie in a model directory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ..checkpoints.inspection import Inspection
from ..errors import ConfigError
from ..evaluation.report import Report
from .hub_id import check_hub_id

README = "README.md"
EVALUATION = "evaluation.json"
"""The report that a card's figures come from."""
EXAMPLES = "examples"
"""The folder of pictures that the hub's page offers to try the model on."""
PICTURES = (".jpeg", ".jpg", ".png", ".webp")

Language = Literal["zh", "en"]


@dataclass(frozen=True, kw_only=True)
class Card:
    """A model card's content. ``languages`` in order of appearance, ``examples`` as paths within the directory."""

    name: str
    license: str
    training_data: str
    languages: tuple[Language, ...]
    model: Inspection
    report: Report | None
    examples: tuple[str, ...]

    def __post_init__(self) -> None:
        check_hub_id(self.name)
        for what, text in (("license", self.license), ("training_data", self.training_data)):
            if not text.strip():
                raise ConfigError(f"{what} must say something: a card's reader has no other way to know.")
        known = get_args(Language)
        if not self.languages or len({*self.languages}) < len(self.languages) or not {*self.languages} <= {*known}:
            raise ConfigError(
                f"languages must be some of {', '.join(known)}; got {', '.join(self.languages) or 'none'}."
            )


def find_examples(directory: Path) -> tuple[str, ...]:
    """The pictures in a model directory's ``examples``, by name."""
    found = sorted(path.name for path in (directory / EXAMPLES).glob("*") if path.suffix.lower() in PICTURES)
    return tuple(f"{EXAMPLES}/{name}" for name in found)
