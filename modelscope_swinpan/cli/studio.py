"""``swinpan studio``: the web page."""

from typing import Annotated

import typer

from ..extras import require
from .options import ModelOptions, PredictorOptions, grouped


@grouped
def studio(
    how: PredictorOptions,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Address to listen at; 0.0.0.0 for other machines.", show_default="127.0.0.1"
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=65535, help="Port to listen at.", show_default="7860")
    ] = None,
) -> None:
    """Serve a web page that segments photos, until interrupted."""
    require("The page", "gradio", extra="studio")

    from ..studio import run

    run(ModelOptions(**vars(how)).load(how.device), host=host, port=port)
