"""How commands declare what they take: options in short, groups of options, help that lists a registry."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, get_type_hints

import typer
from typer.core import TyperCommand
from typer.models import OptionInfo

from .console import one_line_errors

F = TypeVar("F", bound=Callable[..., None])


def argument(metavar: str, text: str, **more: Any) -> Any:
    """An argument, with the ``text`` of its help; ``more`` is Typer's."""
    return typer.Argument(metavar=metavar, help=text, **more)


def option(metavar: str, text: str, default: str | bool = True, *, name: str = "", **more: Any) -> Any:
    """An option, named like its parameter or ``name``. ``default`` is what the help says of it; ``more`` is Typer's."""
    return typer.Option(*filter(None, [name]), metavar=metavar, help=text, show_default=default, **more)


def flag(name: str, text: str) -> Any:
    """An option without a value."""
    return typer.Option(name, help=text)


def folder(text: str, default: str | bool = True) -> Any:
    """An option that names a folder which is there."""
    return option("DIR", text, default, file_okay=False, exists=True)


_LISTED: dict[str, Callable[[], Iterable[Any]]] = {}  # by what stands in for the help until it is shown


class ListedOption(OptionInfo):
    """An option whose help lists the entries that a registry has at the time."""

    def __init__(self, name: str, entries: Callable[[], Iterable[Any]]) -> None:
        """``entries`` returns the registered objects, each with a ``name`` and a ``help``."""
        stand_in = f"{name} {len(_LISTED)}"  # several commands may have an option of one name
        _LISTED[stand_in] = entries
        super().__init__(default=..., param_decls=(name,), metavar="NAME", help=stand_in)


class _Command(TyperCommand):
    """A command that reads registries when its own help is shown, not when that of ``swinpan`` is."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters; the help of a :class:`ListedOption` has a sentence for each entry."""
        params = super().get_params(ctx)
        for param in params:
            if entries := _LISTED.get(getattr(param, "help", None) or ""):
                told = [f"{entry.name}: {entry.help}." for entry in entries()]
                param.help = " ".join(told + ["Repeatable."] * param.multiple)  # type: ignore[attr-defined]
        return params


def command(app: typer.Typer, name: str | None = None) -> Callable[[F], F]:
    """Make a function a command of ``app``, by its own name or ``name``, whose mistakes end in one line."""

    def add(function: F) -> F:
        app.command(name, cls=_Command)(one_line_errors()(_grouped(function)))
        return function

    return add


def _grouped(command: F) -> F:
    """Expand option groups: where ``command`` takes a dataclass of options, the command line takes each option."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if dataclasses.is_dataclass(kind)}
    parameters = []
    for parameter in inspect.signature(command).parameters.values():
        kind = groups.get(parameter.name)
        options: list[Any] = [parameter] if kind is None else [*dataclasses.fields(kind)]
        annotations = hints if kind is None else get_type_hints(kind, include_extras=True)
        parameters += [
            inspect.Parameter(
                one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=annotations[one.name]
            )
            for one in options
        ]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{option.name: given.pop(option.name) for option in dataclasses.fields(kind)})
        command(**given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run  # type: ignore[return-value]
