"""Whether a model directory may be published: what the hub and ModelScope's ``pipeline()`` will make of it."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError, SwinPanError
from ..evaluation.report import Report
from .check_files import check_configuration, check_files, check_model
from .check_readme import check_body, check_head
from .facts import EVALUATION, README
from .figures import check_weights, read_report
from .front_matter import split
from .problem import Problem


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What is to be published of a model directory, as paths within it, and what speaks against it."""

    files: tuple[str, ...]
    problems: tuple[Problem, ...]


def check_directory(directory: Path, *, name: str | None = None) -> Findings:
    """Look at all that a model directory would publish, as the hub's ``name`` where that is given.

    Hidden files stay where they are. The weights are read by our own loader, strictly, and nothing is executed.

    Raises:
        ConfigError: there is no such directory.
        OSError: a file cannot be read.
    """
    if not directory.is_dir():
        raise ConfigError(f"{directory} is no directory; expected a model's, as swinpan train and convert write them.")
    weights, problems = check_model(directory)
    files, foreign = check_files(directory, weights)
    report, doubts = _report(directory, loads=not problems)
    problems += [*(check_configuration(directory) if weights else ()), *foreign]
    problems += [*doubts, *_check_readme(directory, report, name)]
    return Findings(files=files, problems=tuple(problems))


def _report(directory: Path, *, loads: bool) -> tuple[Report | None, list[Problem]]:
    """The report that is kept beside the card, and whether it is of this model, if that ``loads``."""
    path = directory / EVALUATION
    report = None
    try:
        if path.exists():
            report = read_report(path)
            if loads:
                check_weights(report, directory)
    except SwinPanError as error:
        return report, [Problem(EVALUATION, str(error))]
    return report, []


def _check_readme(directory: Path, report: Report | None, name: str | None) -> list[Problem]:
    path = directory / README
    if not path.is_file():
        return [Problem(README, "is missing; write it with swinpan card.")]
    try:
        head, body = split(path.read_text(encoding="utf-8"))
    except (ConfigError, UnicodeDecodeError) as error:
        return [Problem(README, f"{error}; mend it, or write it anew with --force.")]
    return [*check_head(head, directory, report), *check_body(body, report, name)]
