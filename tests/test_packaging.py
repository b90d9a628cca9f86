import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import modelscope_swinpan
from tests.conftest import ROOT

PACKAGE = ROOT / "modelscope_swinpan"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
SMOKE = """
import json, sys
import modelscope_swinpan
from modelscope_swinpan import PanopticPredictor, load_model
from modelscope_swinpan.scenes.dataset import generate_scene
from pathlib import Path
folder = Path(modelscope_swinpan.__file__).parent
(result,) = PanopticPredictor(load_model(folder / "embedded")).predict([generate_scene(0).image])
labels = [segment.label for segment in result.segments]
print(json.dumps({"from": str(folder), "labels": labels, "version": modelscope_swinpan.__version__}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", ignore=shutil.ignore_patterns(".*", "build", "tests", "*.egg-info"))
    subprocess.run(
        [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder / "source"], check=True
    )
    (built,) = folder.glob("modelscope_swinpan-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel) -> Path:
    """The Python of a new environment that holds the wheel alone; its dependencies are this environment's."""
    folder = wheel.parent
    venv.create(folder / "env")
    python = folder / "env" / "bin" / "python"
    subprocess.run([*PIP, "--python", python, "install", "--no-deps", wheel], check=True)
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python


def run(*command, cwd):
    """What a program prints, which sees the installed package alone."""
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT)
    return done.stdout


def test_smoke(installed, tmp_path):
    found = json.loads(run(installed, "-c", SMOKE, cwd=tmp_path).strip().splitlines()[-1])
    assert Path(found["from"]).is_relative_to(installed.parents[1])
    assert len(found["labels"]) > 3
    assert found["version"] == modelscope_swinpan.__version__


def test_the_wheel_holds_the_package_alone(wheel):
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
    metadata_folder = f"modelscope_swinpan-{modelscope_swinpan.__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"modelscope_swinpan", metadata_folder}
    for needed in (
        "py.typed",
        "card/zh.md",
        "embedded/configuration.json",
        "evaluation/page.html",
        "studio/viewer.js",
        "benchmark/model.py",
    ):
        assert f"modelscope_swinpan/{needed}" in names


def test_the_version_stands_once(wheel):
    """The command and the metadata take it from the package's ``__version__``."""
    version = modelscope_swinpan.__version__
    with zipfile.ZipFile(wheel) as files:
        metadata = files.read(f"modelscope_swinpan-{version}.dist-info/METADATA").decode()
    assert f"\nVersion: {version}\n" in metadata
    stating = [path for path in (ROOT / "setup.py", *PACKAGE.rglob("*.py")) if f'"{version}"' in path.read_text()]
    assert stating == [PACKAGE / "__init__.py"]


def test_the_command_is_installed(installed, tmp_path):
    command = installed.parent / "swinpan"
    assert "predict" in run(command, "--help", cwd=tmp_path)
    assert run(command, "--version", cwd=tmp_path) == f"swinpan {modelscope_swinpan.__version__}\n"


def test_setup_does_nothing_on_import():
    """The repository is a model directory too, whose Python files some tools execute."""
    done = subprocess.run([sys.executable, "-c", "import setup"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_readme_shows_the_cards_snippet_and_one_line():
    def first_python_block(text):
        return text.split("```python\n")[1].split("```")[0].strip().splitlines()

    readme = first_python_block((ROOT / "README.md").read_text())
    card = first_python_block((ROOT / "tests" / "plugin" / "card.md").read_text())
    assert readme[0].startswith("import modelscope_swinpan")
    assert readme[1:] == card
