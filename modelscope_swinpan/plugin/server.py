"""``modelscope server`` with our pipeline: our endpoint answers ``/call``, and the model may be a directory."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from modelscope.pipelines import pipeline as modelscope_pipeline
from modelscope.utils.config import Config

from ..card.hub_id import is_hub_id
from ..checkpoints.load import CONFIGURATION, as_path
from ..inference.exported import exported_files
from ..serving.limits import Limits
from .compat import CREATE_PIPELINE, START_HANDLER
from .hub import copy_without_hub
from .pipeline import SwinPanPipeline


def _create(wrapped: Callable[..., Any], _: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Build the pipeline of a directory or an exported file: ``create_pipeline`` would ask the hub about it.

    A complete copy serves as a directory where the hub cannot be reached.
    """
    directory = as_path(arguments[0])
    if is_hub_id(arguments[0]):
        directory = copy_without_hub(*arguments[:2]) or directory
    if not (directory / CONFIGURATION).is_file():
        if exported_files(directory):
            return SwinPanPipeline(str(directory))
        return wrapped(*arguments, **options)
    task = Config.from_file(str(directory / CONFIGURATION)).task
    # Absolute: ModelScope would ask the hub for the owner of a relative 'a/b'.
    return modelscope_pipeline(task, model=str(directory.resolve()))


def _start(wrapped: Callable[..., Any], _: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    start = wrapped(*arguments, **options)

    def startup() -> None:
        start()
        take_over(arguments[0])

    return startup


def restore_event_handlers(kind: Any) -> None:
    """Give applications of a ``kind`` the method by which ModelScope's server starts; Starlette 1.0 dropped it."""

    def add_event_handler(app: Any, event: str, handler: Callable[[], Any]) -> None:
        app.router.add_event_handler(event, handler)

    if not hasattr(kind, "add_event_handler"):
        kind.add_event_handler = add_event_handler


CREATE_PIPELINE.wrap(_create)
START_HANDLER.wrap(_start)
restore_event_handlers(FastAPI)


def take_over(app: Any) -> None:
    """Have ``/call`` of the ``app`` answered by :mod:`modelscope_swinpan.serving`, if its pipeline is ours.

    Raises:
        ConfigError: a limit in the environment is unusable.
    """
    if not isinstance(app.state.pipeline, SwinPanPipeline):
        return
    from starlette.routing import Route  # there is an app, and so Starlette

    from ..serving.endpoint import Endpoint
    from ..serving.server import local_answerer

    limits = Limits.from_environment()
    app.state.pipeline.prepare_model()  # on its device
    answerer = local_answerer(app.state.pipeline.predictor, limits.workers)
    endpoint = Endpoint(answerer, limits, workers=limits.workers)
    app.router.routes.insert(0, Route("/call", endpoint.call, methods=["POST"]))  # the first route that matches answers
