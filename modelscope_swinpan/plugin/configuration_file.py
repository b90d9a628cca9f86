"""What ModelScope reads of ``configuration.json``. Whoever made a model directory chooses what that is.

* A pipe and a device are not read: the one may never answer, the other never end. ModelScope copies a file before it
  reads it.
* The R50 model ``damo/cv_r50_panoptic-segmentation_cocopan`` lists ``plugins: ["pai-easycv"]``. ModelScope trusts that
  one name, and would have pip install it, which fails on today's Python. Our model does not need it, so that one name
  is dropped, for this model alone: any other plugin still needs ``trust_remote_code``.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..files import is_endless
from .compat import CONFIG_FROM_FILE, R50_MODEL

UNNEEDED = "pai-easycv"


def _from_file(wrapped: Callable[..., Any], _: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    name = arguments[0] if arguments else options.get("filename")
    if isinstance(name, str | os.PathLike) and is_endless(Path(name).expanduser()):
        raise ConfigError(f"Cannot read {os.fspath(name)}: it is no file.")
    configuration = wrapped(*arguments, **options)
    plugins = configuration.safe_get("plugins")
    if configuration.safe_get("model.type") == R50_MODEL and plugins:
        names = [plugins] if isinstance(plugins, str) else list(plugins)
        configuration.plugins = [one for one in names if re.split("[><=!~]", str(one).strip())[0].strip() != UNNEEDED]
        if not configuration.plugins:
            configuration.pop("plugins")
    return configuration


CONFIG_FROM_FILE.wrap(_from_file)
