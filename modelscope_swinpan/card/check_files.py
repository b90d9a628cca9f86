"""Check the files of a model directory: the weights load, the configuration asks for no code, the rest is data."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..checkpoints.dialects.keymap import shorten
from ..checkpoints.files.source import read_json
from ..checkpoints.inspection import inspect_checkpoint
from ..checkpoints.load import CONFIGURATION, locate
from ..errors import CheckpointError, SwinPanError
from ..words import number_of
from .front_matter import TASK

DATA = (".csv", ".jpeg", ".jpg", ".json", ".md", ".png", ".safetensors", ".txt", ".webp")
"""Suffixes of files that nothing executes. Pickles are accepted only as the weights, which our own loader reads."""
TEXTS = ("LICENSE", "NOTICE")

EXPECTED = {"framework": "pytorch", "task": TASK, "pipeline": {"type": "image-panoptic-segmentation"}}
"""Entries of the configuration that lead ModelScope's ``pipeline()`` to ours."""
CODE_KEYS = ("allow_remote", "plugins")
"""Entries of the configuration that make ModelScope fetch and execute code, or refuse the model."""


@dataclass(frozen=True)
class Problem:
    """A reason against publishing: the file, as a path within the directory, and what is wrong and what to do."""

    file: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {' '.join(self.message.split())}"


def check_model(directory: Path) -> tuple[set[Path], list[Problem]]:
    """Inspect the weights as our own loader reads them, strictly.

    Returns:
        The files of the weights that were found, and the reason why they do not load, if any.
    """
    try:
        weights = locate(directory)[0]
    except SwinPanError as error:
        return set(), [Problem(CONFIGURATION, str(error))]
    name = weights.relative_to(directory).as_posix()
    try:
        found = inspect_checkpoint(directory)
    except SwinPanError as error:
        return {weights}, [Problem(name if isinstance(error, CheckpointError) else CONFIGURATION, str(error))]
    count = number_of(len(found.not_finite), "weight")
    damaged = f"NaN or infinite numbers in {count}: {shorten(found.not_finite)}."
    return {weights, *(file.path for file in found.files)}, [Problem(name, damaged)] if found.not_finite else []


def check_configuration(directory: Path) -> Iterator[Problem]:
    """Check what ModelScope reads of the configuration. :func:`check_model` must have found weights before."""
    if not (directory / CONFIGURATION).exists():
        yield Problem(CONFIGURATION, "is missing, and pipeline() needs it; swinpan convert writes one.")
        return
    configuration = read_json(directory / CONFIGURATION)
    for key, expected in EXPECTED.items():
        if configuration.get(key) != expected:
            yield Problem(CONFIGURATION, f"{key} must be {expected!r}; found {configuration.get(key)!r}.")
    for key in CODE_KEYS:
        if key in configuration:
            yield Problem(
                CONFIGURATION, f"has {key!r}, and pipeline() then executes code or refuses the model; remove it."
            )


def check_files(directory: Path, weights: Collection[Path]) -> tuple[tuple[str, ...], list[Problem]]:
    """The files to publish, and a problem for each file that must not be published."""
    published, problems = [], []
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        if path.is_dir() or any(part.startswith(".") for part in relative.parts):
            continue
        name = relative.as_posix()
        if not path.resolve().is_relative_to(directory.resolve()):
            problems.append(Problem(name, "is a link that leads out of the directory; replace it by the file itself."))
        elif path in weights or path.name in TEXTS or path.suffix.lower() in DATA:
            published.append(name)
        else:
            problems.append(Problem(name, "is neither data nor the model's weights, and may be code; remove it."))
    return tuple(published), problems
