import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT

SMOKE = """
import json, sys
import modelscope_swinpan
from modelscope_swinpan import PanopticPredictor, load_model
from modelscope_swinpan.scenes.dataset import generate_scene
from pathlib import Path
folder = Path(modelscope_swinpan.__file__).parent
(result,) = PanopticPredictor(load_model(folder / "embedded")).predict([generate_scene(0).image])
print(json.dumps({"from": str(folder), "labels": [segment.label for segment in result.segments]}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The Python of a new environment that holds the wheel alone; its dependencies are this environment's."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", ignore=shutil.ignore_patterns(".*", "build", "tests", "*.egg-info"))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder / "source"], check=True
    )
    (wheel,) = folder.glob("modelscope_swinpan-*.whl")
    venv.create(folder / "env")
    python = folder / "env" / "bin" / "python"
    subprocess.run([*pip, "--python", python, "install", "--no-deps", wheel], check=True)
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python


def test_smoke(installed, tmp_path):
    done = subprocess.run([installed, "-c", SMOKE], check=True, capture_output=True, text=True, cwd=tmp_path)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert Path(found["from"]).is_relative_to(installed.parents[1])
    assert len(found["labels"]) > 3


def test_the_command_is_installed(installed, tmp_path):
    done = subprocess.run(
        [installed.parent / "swinpan", "--help"], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert "predict" in done.stdout


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
