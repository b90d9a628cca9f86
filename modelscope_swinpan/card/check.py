"""Check whether a model directory may be published."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError, SwinPanError
from .check_files import Problem, check_configuration, check_files, check_model
from .check_readme import check_readme
from .content import EVALUATION
from .figures import check_weights, read_report


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The files to publish, as paths within the model directory, and the problems that speak against it."""

    files: tuple[str, ...]
    problems: tuple[Problem, ...]


def check_directory(directory: Path, *, name: str | None = None) -> Findings:
    """Check a model directory: weights, configuration, other files, the card and its figures.

    Nothing is executed. Hidden files are neither checked nor published.

    Args:
        directory: The model directory.
        name: OWNER/NAME on the hub. The card must name it.

    Raises:
        ConfigError: there is no such directory.
        OSError: a file cannot be read.
    """
    if not directory.is_dir():
        raise ConfigError(f"{directory} is no directory; expected one that swinpan train or convert wrote.")
    weights, problems = check_model(directory)
    loads = not problems
    files, foreign = check_files(directory, weights)
    problems += [*(check_configuration(directory) if weights else ()), *foreign]
    report = None
    try:
        if (directory / EVALUATION).exists():
            report = read_report(directory / EVALUATION)
            if loads:
                check_weights(report, directory)
    except SwinPanError as error:
        problems.append(Problem(EVALUATION, str(error)))
    problems += check_readme(directory, report, name)
    return Findings(files=files, problems=tuple(problems))
