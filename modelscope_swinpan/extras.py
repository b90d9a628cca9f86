"""Packages that only some features need."""

import importlib
from types import ModuleType

from .errors import ConfigError


def require(what: str, *packages: str, extra: str | None = None) -> ModuleType:
    """Import the ``packages`` that ``what`` needs, and return the last of them.

    Raises:
        ConfigError: one cannot be imported, or some are missing. The message then says what to install: our ``extra``,
            or the packages if there is none.
    """
    missing = []
    for package in packages:
        try:
            imported = importlib.import_module(package)
        except ModuleNotFoundError as error:  # noqa: PERF203 (they are few)
            missing.append(error.name or package)
        except ImportError as error:  # it is there, but a library of the system is not, for example
            raise ConfigError(f"{what} needs {package}, which cannot be imported: {error}") from None
    if missing:
        install = f"'modelscope_swinpan[{extra}]'" if extra else " ".join(missing)
        raise ConfigError(f"{what} needs {' and '.join(missing)}: pip install {install}.")
    return imported
