"""Importing the package puts it in upstream's place, in whatever order things are imported, and costs nothing else."""

import textwrap
from pathlib import Path

import pytest

from . import isolated

ORDERS = {
    "ours first": """
        import modelscope_swinpan
        from modelscope.pipelines import pipeline
    """,
    "ModelScope first": """
        from modelscope.pipelines import pipeline
        from modelscope.models import Model
        import modelscope_swinpan
    """,
    "models first": """
        from modelscope.models import Model
        import modelscope_swinpan
    """,
    "their builders first of all": """
        import modelscope_swinpan
        import modelscope.pipelines.builder
        import modelscope.models.builder
    """,
    "through their lazy names": """
        import modelscope_swinpan
        import modelscope
        modelscope.pipeline, modelscope.Model
    """,
    "upstream's modules, then ours": """
        import modelscope.models.cv.image_panoptic_segmentation.panseg_model
        import modelscope.pipelines.cv.image_panoptic_segmentation_pipeline
        import modelscope_swinpan
    """,
    "ours, then upstream's modules": """
        import modelscope_swinpan
        import modelscope.pipelines.cv.image_panoptic_segmentation_pipeline
        import modelscope.models.cv.image_panoptic_segmentation.panseg_model
        from modelscope.models.cv.image_panoptic_segmentation import SwinLPanopticSegmentation
        from modelscope.pipelines.cv import ImagePanopticSegmentationPipeline
    """,
    "our pipeline module itself": """
        import modelscope_swinpan.plugin.pipeline
    """,
    "our model module itself": """
        import modelscope_swinpan.plugin.model
    """,
    "twice and reloaded": """
        import importlib
        import modelscope_swinpan
        importlib.reload(modelscope_swinpan)
        modelscope_swinpan.register()
        from modelscope.pipelines import pipeline
        importlib.reload(modelscope_swinpan)
        modelscope_swinpan.register()
    """,
    "from several threads": """
        import importlib, threading
        names = ["modelscope.pipelines", "modelscope_swinpan"] * 3
        threads = [threading.Thread(target=importlib.import_module, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in threads)
    """,
    "ours, while another thread is half through theirs": """
        import importlib, sys, threading
        class Meanwhile:
            def find_spec(self, name, path=None, target=None):
                if name == "modelscope.pipelines.builder" and not thread.is_alive():
                    thread.start()
                    thread.join(1)
        thread = threading.Thread(target=importlib.import_module, args=("modelscope_swinpan",))
        sys.meta_path.insert(0, Meanwhile())
        import modelscope.pipelines
        thread.join(120)
        assert not thread.is_alive() and "modelscope_swinpan" in sys.modules
    """,
}


@pytest.mark.parametrize("order", ORDERS)
def test_order_of_imports_does_not_matter(order: str, model_dir: Path, tmp_path: Path) -> None:
    built = isolated.call(_import_and_build, textwrap.dedent(ORDERS[order]), model_dir, cwd=tmp_path)

    assert built == ["modelscope_swinpan.plugin.pipeline", "modelscope_swinpan.plugin.model"] * 2


def _import_and_build(imports: str, model_dir: Path) -> list[str]:
    exec(imports, {"__name__": "program"})
    from modelscope.metainfo import Models, Pipelines
    from modelscope.models.builder import MODELS
    from modelscope.pipelines import pipeline
    from modelscope.pipelines.builder import PIPELINES
    from modelscope.utils.constant import Tasks

    task = Tasks.image_segmentation
    registered = (
        PIPELINES.get(Pipelines.image_panoptic_segmentation, task),
        MODELS.get(Models.panoptic_segmentation, task),
    )
    built = pipeline(task, model=str(model_dir))
    return [one.__module__ for one in (*registered, built, built.model)]


def test_import_costs_nothing(tmp_path: Path) -> None:
    run = isolated.python(
        "import sys, modelscope_swinpan; print(sorted({'torch', 'modelscope', 'modelscope_hub'} & set(sys.modules)))",
        cwd=tmp_path,
    )

    assert (run.stdout, run.stderr) == ("[]\n", "")


def test_other_tasks_keep_upstreams_classes(tmp_path: Path) -> None:
    assert isolated.call(_other_modules, cwd=tmp_path) == []


def _other_modules() -> list[str]:
    """Registered classes of ours beyond those of the Swin-L and the R50 model."""
    from modelscope.models.builder import MODELS
    from modelscope.pipelines.builder import PIPELINES

    import modelscope_swinpan  # noqa: F401

    ours = []
    for registry in (MODELS, PIPELINES):
        for group, classes in registry.modules.items():
            ours += [
                f"{group}/{name}" for name, one in classes.items() if one.__module__.startswith("modelscope_swinpan")
            ]
    known = (
        "swinL-panoptic-segmentation",
        "r50-panoptic-segmentation",
        "image-panoptic-segmentation",
        "image-panoptic-segmentation-easycv",
    )
    return sorted(set(ours) - {f"image-segmentation/{name}" for name in known})


WITHOUT_MODELSCOPE = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("modelscope", "modelscope_hub"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
import modelscope_swinpan
segments = modelscope_swinpan.PanopticPredictor(modelscope_swinpan.load_model(sys.argv[1]))(sys.argv[2]).segments
print(len(segments) > 0)
"""


def test_core_works_without_modelscope(model_dir: Path, photo: Path, tmp_path: Path) -> None:
    code = WITHOUT_MODELSCOPE.replace("sys.argv[1]", repr(str(model_dir))).replace("sys.argv[2]", repr(str(photo)))

    run = isolated.python(code, cwd=tmp_path)

    assert run.stdout == "True\n", run.stderr


def test_hub_without_modelscope_says_so(tmp_path: Path) -> None:
    code = WITHOUT_MODELSCOPE.split("segments =")[0] + (
        "from modelscope_swinpan.plugin.hub import resolve_model\n"
        "try:\n    resolve_model('damo/model')\nexcept modelscope_swinpan.HubError as error:\n    print(error)"
    )

    run = isolated.python(code, cwd=tmp_path)

    assert "needs ModelScope" in run.stdout, run.stderr


@pytest.mark.parametrize("broken", ["raise RuntimeError('broken')", "raise ImportError('half installed')", "1 +"])
def test_broken_modelscope_does_not_break_us(broken: str, tmp_path: Path) -> None:
    package = tmp_path / "modelscope"
    package.mkdir()
    (package / "__init__.py").write_text(broken)

    run = isolated.python("import modelscope_swinpan; print(modelscope_swinpan.__version__)", cwd=tmp_path)

    assert (run.returncode, run.stderr) == (0, "")


def test_foreign_modelscope_still_imports_with_a_warning(tmp_path: Path) -> None:
    package = tmp_path / "modelscope" / "models"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()

    run = isolated.python("import modelscope_swinpan, modelscope.models; print('imported')", cwd=tmp_path)

    assert run.stdout == "imported\n"
    assert "modelscope_swinpan cannot be used with ModelScope" in run.stderr
    assert "cannot import name 'TorchModel'" in run.stderr
