"""The R50 sibling ``damo/cv_r50_panoptic-segmentation_cocopan``, whose configuration asks for a package that is gone.

It lists ``plugins: ["pai-easycv"]``. ModelScope trusts that one name, and would have pip install it, which cannot work
on today's Python. Our model does without, so the request is taken out as the configuration is read: out of those of
this model alone, and that one name alone. Any other plugin still meets ModelScope's own question of trust.
"""

import re
from collections.abc import Callable
from typing import Any

import wrapt

MODEL_TYPE = "r50-panoptic-segmentation"
PIPELINE_TYPE = "image-panoptic-segmentation-easycv"
UNNEEDED = "pai-easycv"


def without_unneeded(configuration: Any) -> Any:
    """``configuration`` (a ModelScope ``Config``), less the plugin that our model replaces."""
    model, plugins = configuration.safe_get("model.type"), configuration.safe_get("plugins")
    if model == MODEL_TYPE and plugins:
        names = [plugins] if isinstance(plugins, str) else list(plugins)
        needed = [name for name in names if re.split("[><=!~]", str(name).strip())[0].strip() != UNNEEDED]
        if needed:
            configuration.plugins = needed
        else:
            configuration.pop("plugins")
    return configuration


@wrapt.patch_function_wrapper("modelscope.utils.config", "Config.from_file")
def _from_file(wrapped: Callable[..., Any], _: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return without_unneeded(wrapped(*arguments, **options))
