"""``swinpan studio``: the web page."""

from typing import Annotated

from ..extras import require
from .declare import option
from .options import ModelOptions, PredictorOptions


def studio(
    how: PredictorOptions,
    host: Annotated[
        str | None, option("ADDRESS", "Address to listen at; 0.0.0.0 for other machines.", "127.0.0.1")
    ] = None,
    port: Annotated[int | None, option("N", "Port to listen at.", "7860", min=1, max=65535)] = None,
) -> None:
    """Serve a web page that segments photos, until interrupted."""
    require("The page", "gradio", extra="studio")

    from ..studio import run

    run(ModelOptions(**vars(how)).load(how.device), host=host, port=port)
