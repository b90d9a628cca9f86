"""Putting our model, pipeline, drawing and serving in the place of upstream's, and adding our trainer and metric, when
and if ModelScope is imported.

ModelScope itself is never imported here: it takes seconds, and this runs with every ``import modelscope_swinpan`` and
with every ``modelscope …`` command. Each of our modules registers itself as it is imported, as upstream's do; all that
remains is to import it right after the part of ModelScope that it belongs to. The hooks wait for whole packages, so
that nothing half-imported is met, whatever a program imports first.
"""

import importlib
import logging
from functools import partial
from types import ModuleType

import wrapt

_logger = logging.getLogger(__name__)

TAKEN_OVER = {
    "modelscope.metrics": "modelscope_swinpan.plugin.metric",
    "modelscope.models": "modelscope_swinpan.plugin.model",
    "modelscope.pipelines": "modelscope_swinpan.plugin.pipeline",
    "modelscope.server.core.event_handlers": "modelscope_swinpan.plugin.server",
    "modelscope.trainers": "modelscope_swinpan.plugin.trainer",
    "modelscope.utils.config": "modelscope_swinpan.plugin.sibling",
    "modelscope.utils.cv.image_utils": "modelscope_swinpan.plugin.drawing",
}
"""ModelScope's packages and modules, and what of ours follows each."""


def register() -> None:
    """Follow ModelScope's imports: those to come, and at once those that have happened. Repeating it is harmless."""
    for theirs, ours in TAKEN_OVER.items():
        wrapt.register_post_import_hook(partial(_follow, ours), theirs)


def _follow(ours: str, theirs: ModuleType) -> None:
    try:
        # importlib.import_module(theirs.__name__)  # waits, should another thread still be importing it
        importlib.import_module(ours)
    except Exception as error:  # theirs must stay importable, whatever version it is
        _logger.warning("%s cannot be used with this ModelScope (%s: %s).", ours, type(error).__name__, error)
