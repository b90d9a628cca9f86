"""The configuration of the R50 model ``damo/cv_r50_panoptic-segmentation_cocopan``, without the package that is gone.

It lists ``plugins: ["pai-easycv"]``. ModelScope trusts that one name, and would have pip install it, which fails on
today's Python. Our model does not need it. So that one name is dropped as the configuration is read, and only for this
model: any other plugin still needs ``trust_remote_code``.
"""

import re
from collections.abc import Callable
from typing import Any

from .compat import CONFIG_FROM_FILE, R50_MODEL

UNNEEDED = "pai-easycv"


def without_unneeded(configuration: Any) -> Any:
    """``configuration`` (ModelScope's ``Config``, changed in place) without the plugin that our model replaces."""
    plugins = configuration.safe_get("plugins")
    if configuration.safe_get("model.type") == R50_MODEL and plugins:
        names = [plugins] if isinstance(plugins, str) else list(plugins)
        needed = [name for name in names if re.split("[><=!~]", str(name).strip())[0].strip() != UNNEEDED]
        if needed:
            configuration.plugins = needed
        else:
            configuration.pop("plugins")
    return configuration


def _from_file(wrapped: Callable[..., Any], _: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return without_unneeded(wrapped(*arguments, **options))


CONFIG_FROM_FILE.wrap(_from_file)
