"""``modelscope server`` with our pipeline: our endpoint answers ``/call``, and the model may be a directory."""

from collections.abc import Callable
from typing import Any

from modelscope.pipelines import pipeline as modelscope_pipeline
from modelscope.utils.config import Config

from ..checkpoints.load import CONFIGURATION, named
from .compat import CREATE_PIPELINE, START_HANDLER
from .hub import copy_without_hub, is_hub_id
from .limits import Limits
from .pipeline import SwinPanPipeline


def _create(wrapped: Callable[..., Any], _: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Build the pipeline of a directory here: ``create_pipeline`` would ask the hub for its configuration.

    A complete copy serves as a directory where the hub cannot be reached.
    """
    directory = named(arguments[0])
    if is_hub_id(arguments[0]):
        directory = copy_without_hub(*arguments[:2]) or directory
    if not (directory / CONFIGURATION).is_file():
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


CREATE_PIPELINE.wrap(_create)
START_HANDLER.wrap(_start)


def take_over(app: Any) -> None:
    """Have ``/call`` of the ``app`` answered by :class:`~.endpoint.Endpoint`, if its pipeline is ours.

    Raises:
        ConfigError: a limit in the environment is unusable.
    """
    if not isinstance(app.state.pipeline, SwinPanPipeline):
        return
    from starlette.routing import Route  # there is an app, and so Starlette

    from .endpoint import Endpoint

    endpoint = Endpoint(app.state.pipeline, Limits.from_environment())
    app.router.routes.insert(0, Route("/call", endpoint.call, methods=["POST"]))  # the first route that matches answers
