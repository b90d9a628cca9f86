"""What ``swinpan`` does with the name of a model, in ModelScope's own ``pipeline('image-segmentation', model=…)`` too.

It says what it will download, uses a complete copy at once where the hub cannot be reached, and takes the name
'embedded', checkpoints and exported files. Models of others are left to ModelScope.
"""

from inspect import signature
from pathlib import Path
from types import FunctionType
from typing import Any

from modelscope.utils.constant import Tasks

from ..card.hub_id import is_hub_id
from ..checkpoints.dialects.transformers import CONFIG
from ..checkpoints.load import CONFIGURATION, EMBEDDED_NAME
from .compat import BUILD_PIPELINE, PIPELINE_TYPES
from .hub import is_ours, resolve_model

_pipeline: Any = BUILD_PIPELINE.get()
_original: Any = getattr(_pipeline, "__wrapped__", None) or FunctionType(
    _pipeline.__code__, _pipeline.__globals__, _pipeline.__name__, _pipeline.__defaults__
)


def build(*args: Any, **options: Any) -> Any:
    """ModelScope's ``pipeline()``. It gets the directories of our models instead of their ids.

    Raises:
        HubError: the model could not be fetched.
    """
    bound = signature(_original).bind(*args, **options)
    given = bound.arguments
    model = given.get("model")
    if isinstance(model, list | tuple) and len(model) == 1:
        model = model[0]
    if isinstance(model, str) and _may_be_ours(given):
        found = _found(model, given)
        if found is not None:
            given["model"] = str(found.absolute())  # of a relative 'a/b' ModelScope would ask the hub for the owner
            given["pipeline_name"] = given.get("pipeline_name") or _type_without_configuration(found)
    return _original(*bound.args, **bound.kwargs)


def _may_be_ours(given: dict[str, Any]) -> bool:
    name = given.get("pipeline_name")
    return name in PIPELINE_TYPES if name else given.get("task") == Tasks.image_segmentation


def _found(model: str, given: dict[str, Any]) -> Path | None:
    """A model of ours on this disk; None for others."""
    if model == EMBEDDED_NAME:
        return resolve_model(model)
    path = Path(model)
    if model and path.exists():
        return path if is_ours(path) or _type_without_configuration(path) else None
    if not is_hub_id(model) or given.get("ignore_file_pattern"):
        return None
    found = resolve_model(model, given.get("model_revision"))
    return found if given.get("pipeline_name") or is_ours(found) else None


def _type_without_configuration(path: Path) -> str | None:
    """The name of our pipeline if neither ModelScope nor transformers can tell what ``path`` is: we can, or say so."""
    known = any((path / name).exists() for name in (CONFIGURATION, CONFIG))
    return None if known else PIPELINE_TYPES[0]


def _called(*args: Any, **options: Any) -> Any:
    from modelscope_swinpan.plugin.model_ids import build

    return build(*args, **options)


# Its code, not its name: this also reaches programs that imported the function before us.
_pipeline.__code__ = _called.__code__
_pipeline.__defaults__ = None
_pipeline.__wrapped__ = _original  # which tells its signature
