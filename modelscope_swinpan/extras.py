"""Packages that only some features need."""

import importlib
from types import ModuleType

from .errors import ConfigError


def require(what: str, *packages: str, extra: str | None = None) -> ModuleType:
    """Import the ``packages`` that ``what`` needs, and return the last of them.

    Raises:
        ConfigError: some are missing. It says what to install: our ``extra``, or where there is none, them.
            Or one cannot be imported.
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
