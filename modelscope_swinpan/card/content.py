"""The content of a model card, and the files in a model directory that belong to it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ..checkpoints.inspection import Inspection
from ..errors import ConfigError
from ..evaluation.report import Report
from .hub_id import check_hub_id

README = "README.md"
EVALUATION = "evaluation.json"
"""The report of ``swinpan eval`` that a card's figures come from."""
EXAMPLES = "examples"
"""The folder of pictures that the hub's page offers as examples."""
PICTURES = (".jpeg", ".jpg", ".png", ".webp")

Language = Literal["zh", "en"]


@dataclass(frozen=True, kw_only=True)
class Card:
    """The content of a model card, as :func:`~modelscope_swinpan.card.write.write_card` takes and reads it.

    ``examples`` are paths within the model directory.

    Raises:
        ConfigError: the name is no hub id, a text is empty, or a language is unknown or repeated.
    """

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
                raise ConfigError(f"{what} must not be empty: it is not known from the model, and readers need it.")
        known = get_args(Language)
        if not self.languages or len({*self.languages}) < len(self.languages) or not {*self.languages} <= {*known}:
            raise ConfigError(
                f"languages must be one or more of {', '.join(known)}; got {', '.join(self.languages) or 'none'}."
            )


def find_examples(directory: Path) -> tuple[str, ...]:
    """The pictures in the folder ``examples`` of a model directory, as paths within the directory, sorted by name."""
    found = sorted(path.name for path in (directory / EXAMPLES).glob("*") if path.suffix.lower() in PICTURES)
    return tuple(f"{EXAMPLES}/{name}" for name in found)
