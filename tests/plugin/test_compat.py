"""The list of ModelScope's internals: complete, true of the installed version, and what happens without one of them."""

import ast
import re
from pathlib import Path

import pytest

from . import isolated

ROOT = Path(__file__).parents[2]
BUILT = [
    "modelscope.models:TorchModel",
    "modelscope.models.builder:MODELS",
    "modelscope.models.cv.image_panoptic_segmentation.panseg_model:SwinLPanopticSegmentation",
    "modelscope.utils.import_utils:LazyImportModule.get_ast_index",
    "modelscope.pipelines:Pipeline._process_batch",
]
"""One of every kind, without which pipeline() cannot build ours."""


def test_every_import_of_modelscope_is_listed() -> None:
    from modelscope_swinpan.plugin.compat import PARTS

    listed = {(part.module, needed.name) for part in PARTS for needed in part.needs}
    assert {part.module for part in PARTS} <= {
        file.stem for file in (ROOT / "modelscope_swinpan" / "plugin").glob("*.py")
    }
    for file in (ROOT / "modelscope_swinpan" / "plugin").glob("*.py"):
        for line in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(line, ast.ImportFrom)
                and re.match(r"modelscope(_hub)?\b", line.module or "")
                and not line.level
            ):
                assert {(file.stem, f"{line.module}:{alias.name}") for alias in line.names} <= listed
            elif isinstance(line, ast.Import):
                assert not any(alias.name.startswith("modelscope") for alias in line.names)


def test_everything_listed_is_there() -> None:
    from modelscope_swinpan.plugin.compat import AST_INDEX, INDEX_KEY, MODULE_KEY, PARTS

    for internal in (AST_INDEX, INDEX_KEY, MODULE_KEY, *(needed for part in PARTS for needed in part.needs)):
        assert internal.get() is not None
    for registry in (part.registration.registry for part in PARTS if part.registration is not None):
        assert registry.get().name.upper() == registry.name.split(":")[1]


def test_the_oldest_version_is_the_one_that_is_required() -> None:
    from modelscope_swinpan.plugin.compat import NEWEST, OLDEST

    assert f'"modelscope[framework]>={OLDEST}"' in (ROOT / "setup.py").read_text()
    assert [int(part) for part in OLDEST.split(".")] < [int(part) for part in NEWEST.split(".")]


@pytest.mark.parametrize("hidden", BUILT)
def test_pipeline_says_what_is_gone(hidden: str, model_dir: Path, tmp_path: Path) -> None:
    kind, message = isolated.call(_build, hidden, model_dir, cwd=tmp_path)

    assert kind == "ConfigError"
    assert "modelscope_swinpan cannot be used with ModelScope" in message
    assert hidden in message
    assert re.search(r"known to work with 1\.38 to .*pip install 'modelscope\[framework\]>=1\.38,<=", message)


def _build(hidden: str, model_dir: Path) -> tuple[str, str]:
    """The error of ModelScope's ``pipeline()`` where we do not find one of its names, while it does."""
    _hide(hidden)
    from modelscope.pipelines import pipeline

    import modelscope_swinpan  # noqa: F401

    try:
        built = pipeline("image-segmentation", model=str(model_dir))
    except Exception as error:
        return type(error).__name__, str(error)
    return type(built).__name__, type(built.model).__name__


def _hide(name: str) -> None:
    import pkgutil

    resolve = pkgutil.resolve_name

    def without(asked: str) -> object:
        if asked == name:
            raise AttributeError(f"no {name}")
        return resolve(asked)

    pkgutil.resolve_name = without


def test_names_that_python_cannot_import(model_dir: Path, tmp_path: Path) -> None:
    kind, message = isolated.call(_build_without_base_class, model_dir, cwd=tmp_path)

    assert kind == "ConfigError"
    assert "cannot import name 'TorchModel' from 'modelscope.models'" in message


def _build_without_base_class(model_dir: Path) -> tuple[str, str]:
    import modelscope.models

    del modelscope.models.TorchModel
    return _build("", model_dir)


def test_the_server_does_not_start_without_ours(tmp_path: Path) -> None:
    message = isolated.call(_import_server, cwd=tmp_path)

    assert "it has no modelscope.server.core.event_handlers:start_app_handler" in message


def _import_server() -> str:
    _hide("modelscope.server.core.event_handlers:start_app_handler")
    import modelscope_swinpan

    try:
        import modelscope.server.core.event_handlers  # noqa: F401
    except modelscope_swinpan.ConfigError as error:
        return str(error)
    return ""
