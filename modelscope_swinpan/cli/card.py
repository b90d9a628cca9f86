"""``swinpan card``: write a model's card, check the model directory, and publish it."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from .console import complain, say
from .declare import argument, flag, option
from .progress import busy

LANGUAGES = "zh,en"


def card(
    directory: Annotated[
        Path,
        argument("DIR", "A model directory, as swinpan train and convert write.", file_okay=False, exists=True),
    ],
    name: Annotated[
        str | None, option("OWNER/NAME", "Id of the model on the hub, from which the card's code loads it.")
    ] = None,
    license_text: Annotated[
        str | None, option("TEXT", "Licence of the weights, as in 'Apache License 2.0'.", name="--license")
    ] = None,
    training_data: Annotated[str | None, option("TEXT", "What the weights were trained on, in Markdown.")] = None,
    metrics: Annotated[
        Path | None,
        option(
            "JSON",
            "The report.json of swinpan eval on this model. Its copy in DIR is evaluation.json.",
            dir_okay=False,
            exists=True,
        ),
    ] = None,
    language: Annotated[str | None, option("LIST", "Languages of the card, in order.", LANGUAGES)] = None,
    force: Annotated[bool, flag("--force", "Replace the README.md and evaluation.json that are in DIR.")] = False,
    check: Annotated[
        bool, flag("--check", "Write nothing; list what should be mended before DIR is published.")
    ] = False,
    upload: Annotated[
        str | None, option("OWNER/NAME", "Write nothing; check DIR, and upload it to the hub if it has no problem.")
    ] = None,
    token: Annotated[
        str | None,
        option(
            "TOKEN",
            "Your token on the hub. Other users of this machine can see it while the command runs: better set the "
            "variable MODELSCOPE_API_TOKEN.",
            "that of 'modelscope login'",
        ),
    ] = None,
    public: Annotated[
        bool, flag("--public", "Make a new model visible to everybody; by default only you see it.")
    ] = False,
) -> None:
    """Write a model's card, in Chinese and English: the README.md that the hub shows.

    Pictures in DIR/examples become the examples on the hub's page. A written card is checked at once. Use --check to
    check it again after changes, and --upload to publish it.
    """
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
            f"{given[0]} belongs to writing a card; --check and --upload write none. Run them one after the other."
        )
    if not check and upload is None:
        if name is None or license_text is None or training_data is None:
            raise ConfigError("A card needs --name, --license and --training-data: they are not known from the model.")

        from ..card.write import write_card

        with busy("Reading the model"):
            readme = write_card(
                directory,
                name=name,
                license=license_text,
                training_data=training_data,
                languages=(language or LANGUAGES).split(","),
                metrics=metrics,
                force=force,
            )
        say(f"The card is in {readme}")

    from ..card.check import check_directory

    with busy("Checking"):
        findings = check_directory(directory, name=upload or name)
    for problem in findings.problems:
        complain(str(problem))
    if findings.problems:
        raise typer.Exit(1)
    if upload is None:
        say(f"{directory} may be published")
        return

    from ..plugin.upload import publish

    publish(directory, upload, findings.files, token=token, public=public)
    say(f"{upload} is on the hub")
