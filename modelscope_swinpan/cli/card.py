"""``swinpan card``: a model's card, its check, and publishing it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from .console import complain, err, one_line_errors, say

LANGUAGES = "zh,en"


def card(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="A model directory, as train and convert write them.", file_okay=False, exists=True
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(metavar="OWNER/NAME", help="The model's id on the hub, by which the card's code loads it."),
    ] = None,
    license_text: Annotated[
        str | None,
        typer.Option(
            "--license", metavar="TEXT", help="What may be done with the weights, as in 'Apache License 2.0'."
        ),
    ] = None,
    training_data: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the weights were trained on, in Markdown.")
    ] = None,
    metrics: Annotated[
        Path | None,
        typer.Option(
            metavar="JSON",
            help="The report.json that swinpan eval wrote about this model; kept in DIR as evaluation.json.",
            dir_okay=False,
            exists=True,
        ),
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="LIST", help="Languages of the card, in order.", show_default=LANGUAGES)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a README.md that was changed by hand.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; say what speaks against publishing DIR.")
    ] = False,
    upload: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="Write nothing; check DIR and upload it to the hub.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            help="Your token on the hub. Others on this machine can see it while the command runs: set the variable "
            "MODELSCOPE_API_TOKEN instead.",
            show_default="that of 'modelscope login'",
        ),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Let everybody see a model that --upload makes; otherwise only you do.")
    ] = False,
) -> None:
    """Write a model's card, in Chinese and English: the README.md that the hub shows.

    Pictures in DIR/examples become the examples on the hub's page. The card is checked as it is written; --check does
    so again, and --upload publishes what passes.
    """
    with one_line_errors():
        writing = {
            "--name": name,
            "--license": license_text,
            "--training-data": training_data,
            "--metrics": metrics,
            "--language": language,
            "--force": force or None,
        }
        given = [option for option, value in writing.items() if value is not None]
        if (token is not None or public) and upload is None:
            raise ConfigError("--token and --public belong to --upload.")
        if given and (check or upload is not None):
            raise ConfigError(
                f"{given[0]} is about writing a card, which --check and --upload do not: do one at a time."
            )
        if not check and upload is None:
            _write(directory, name, license_text, training_data, metrics, language or LANGUAGES, force)
        files = _check(directory, upload or name)
        if upload is None:
            say(f"{directory} may be published")
        else:
            _publish(directory, upload, files, token, public)


def _write(
    directory: Path,
    name: str | None,
    license_text: str | None,
    training_data: str | None,
    metrics: Path | None,
    language: str,
    force: bool,
) -> None:
    if name is None or license_text is None or training_data is None:
        raise ConfigError("A card needs --name, --license and --training-data, which nothing but you can tell.")

    from ..card.write import write_card

    with err.status("Reading the model"):
        readme = write_card(
            directory,
            name=name,
            license=license_text,
            training_data=training_data,
            languages=language.split(","),
            metrics=metrics,
            force=force,
        )
    say(f"The card is in {readme}")


def _check(directory: Path, name: str | None) -> tuple[str, ...]:
    """The files to publish. What speaks against it is said, a line each, and ends the command."""
    from ..card.check import check_directory

    with err.status("Checking"):
        findings = check_directory(directory, name=name)
    for problem in findings.problems:
        complain(str(problem))
    if findings.problems:
        raise typer.Exit(1)
    return findings.files


def _publish(directory: Path, name: str, files: Sequence[str], token: str | None, public: bool) -> None:
    from ..plugin.upload import publish

    publish(directory, name, files, token=token, public=public)
    say(f"{name} is on the hub")
