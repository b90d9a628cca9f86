"""The files of a model directory: weights that load, a configuration that asks for no code, otherwise data alone."""

from collections.abc import Collection, Iterator
from pathlib import Path

from ..checkpoints.files.source import read_json
from ..checkpoints.inspection import inspect_checkpoint
from ..checkpoints.load import CONFIGURATION, locate
from ..errors import CheckpointError, SwinPanError
from .front_matter import TASK
from .problem import Problem

DATA = (".csv", ".jpeg", ".jpg", ".json", ".md", ".png", ".safetensors", ".txt", ".webp")
"""Files that nothing executes. Pickles are data only as the weights, which our own loader reads."""
TEXTS = ("LICENSE", "NOTICE")

EXPECTED = {"framework": "pytorch", "task": TASK, "pipeline": {"type": "image-panoptic-segmentation"}}
"""Entries by which plain ``pipeline()`` finds ours."""
CODE_KEYS = ("allow_remote", "plugins")
"""Entries for which ModelScope fetches and executes code, after a question of trust."""


def check_model(directory: Path) -> tuple[set[Path], list[Problem]]:
    """The files of the weights, as far as they are found, and why they do not load."""
    try:
        weights = locate(directory)[0]
    except SwinPanError as error:
        return set(), [Problem(CONFIGURATION, str(error))]
    try:
        return {weights, *(file.path for file in inspect_checkpoint(directory).files)}, []
    except SwinPanError as error:
        of_weights = isinstance(error, CheckpointError)
        file = weights.relative_to(directory).as_posix() if of_weights else CONFIGURATION
        return {weights}, [Problem(file, str(error))]


def check_configuration(directory: Path) -> Iterator[Problem]:
    """What ModelScope has against the configuration of a directory that :func:`check_model` found weights in."""
    if not (directory / CONFIGURATION).exists():
        yield Problem(
            CONFIGURATION, "is missing, so that pipeline() cannot know the model; swinpan convert writes one."
        )
        return
    configuration = read_json(directory / CONFIGURATION)
    for key, expected in EXPECTED.items():
        if configuration.get(key) != expected:
            yield Problem(CONFIGURATION, f"{key} must be {expected!r}; found {configuration.get(key)!r}.")
    for key in CODE_KEYS:
        if key in configuration:
            yield Problem(CONFIGURATION, f"has {key!r}, for which pipeline() refuses it or executes code; take it out.")


def check_files(directory: Path, weights: Collection[Path]) -> tuple[tuple[str, ...], list[Problem]]:
    """The files to publish, and those that should not lie there."""
    published, problems = [], []
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        if path.is_dir() or any(part.startswith(".") for part in relative.parts):
            continue
        name = relative.as_posix()
        if not path.resolve().is_relative_to(directory.resolve()):
            problems.append(Problem(name, "is a link that leads out of the directory; put the file itself here."))
        elif path in weights or path.name in TEXTS or path.suffix.lower() in DATA:
            published.append(name)
        else:
            problems.append(Problem(name, "is neither data nor the model's weights, and may be code; take it away."))
    return tuple(published), problems
