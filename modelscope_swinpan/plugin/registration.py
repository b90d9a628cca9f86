"""Follow ModelScope's imports, so that each part of the plugin is there as soon as what it changes is there.

ModelScope itself is never imported here: it takes seconds, and this runs with every ``import modelscope_swinpan`` and
with every ``modelscope …`` command. Our modules register themselves as they are imported, as upstream's do. If another
thread is still importing the module that one of ours follows, the imports at the top of ours wait for it.
"""

import importlib
from functools import partial
from types import ModuleType

import wrapt

from .compat import PARTS, Part


def register() -> None:
    """Import every part of the plugin right after the module of ModelScope that it follows.

    Where that module is imported already, this is done at once. Repeating it is harmless.
    """
    for part in PARTS:
        if part.after is not None:
            wrapt.register_post_import_hook(partial(_follow, part), part.after)


def _follow(part: Part, _: ModuleType) -> None:
    try:
        importlib.import_module(f"{__package__}.{part.module}")
    except Exception as error:  # anything may happen with a version that is not known
        part.give_up(error)
