import json
import os
import re
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


IGNORED = shutil.ignore_patterns(".*", "build", "tests", "*.egg-info")


def empty_environment(folder) -> Path:
    """The Python of a new environment whose dependencies are this environment's."""
    venv.create(folder)
    python = folder / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", ignore=IGNORED)
    subprocess.run(
        [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder / "source"], check=True
    )
    (built,) = folder.glob("modelscope_swinpan-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel) -> Path:
    """The Python of a new environment that holds the wheel alone; its dependencies are this environment's."""
    python = empty_environment(wheel.parent / "env")
    subprocess.run([*PIP, "--python", python, "install", "--no-deps", wheel], check=True)
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
        "cli/page.html",
        "embedded/configuration.json",
        "evaluation/page.html",
        "evaluation/thresholds.html",
        "studio/gradio.js",
        "studio/texts.json",
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


def test_the_package_is_the_command(installed, tmp_path):
    """Where its folder is not on the path."""
    version = run(installed, "-m", "modelscope_swinpan", "--version", cwd=tmp_path)
    assert version == f"swinpan {modelscope_swinpan.__version__}\n"


def test_the_shell_completes(installed, tmp_path):
    words = {"_SWINPAN_COMPLETE": "complete_bash", "COMP_WORDS": "swinpan ev", "COMP_CWORD": "1"}
    done = subprocess.run(
        [installed.parent / "swinpan"], capture_output=True, text=True, cwd=tmp_path, env={**ENVIRONMENT, **words}
    )
    assert done.stdout.split() == ["eval"]


def test_an_editable_install_warns_of_nothing(tmp_path):
    shutil.copytree(ROOT, tmp_path / "source", ignore=IGNORED)
    python = empty_environment(tmp_path / "env")
    command = [*PIP, "--python", python, "install", "--no-deps", "--no-build-isolation", "--editable", "."]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path / "source")
    assert (done.stdout, done.stderr) == ("", "")
    code = "import importlib.util; print(importlib.util.find_spec('modelscope_swinpan').origin)"
    assert run(python, "-c", code, cwd=tmp_path).strip() == str(tmp_path / "source" / "modelscope_swinpan/__init__.py")


def test_docker_installs(tmp_path):
    """The steps of the image, in an empty environment that finds all other packages here."""
    shutil.copytree(ROOT, tmp_path / "source", ignore=IGNORED)
    python = empty_environment(tmp_path / "env")
    settings = {"PYTHON": str(python), "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_QUIET": "1"}
    install = [tmp_path / "source" / "docker" / "install", "cpu", tmp_path / "source"]
    done = subprocess.run(install, capture_output=True, text=True, cwd=tmp_path, env={**ENVIRONMENT, **settings})
    assert done.returncode == 0, done.stderr
    assert f"swinpan {modelscope_swinpan.__version__}\n" in done.stdout
    assert "things" in done.stdout  # of the small model
    refused = subprocess.run([install[0], "rocm", "."], capture_output=True, text=True)
    assert (refused.returncode, refused.stderr) == (2, "Which build of PyTorch: cpu or cuda? Got 'rocm'.\n")


def test_the_image_has_what_its_steps_need():
    """``.dockerignore`` lets through what setup.py reads, and the Dockerfile copies nothing else."""
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let_through >= {"docker/install", "modelscope_swinpan", "pyproject.toml", "setup.py", "README.md"}
    assert all((ROOT / name).exists() for name in let_through)


@pytest.mark.parametrize(("torch", "compiler"), [("cpu", set()), ("cuda", {"gcc", "libc6-dev"})])
def test_the_image_for_gpus_has_triton_a_compiler(torch, compiler):
    """Without one, Triton is left out with a warning. python:slim has Python's headers, but no compiler."""
    [packages] = re.findall(r"apt-get install (.*) \\$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    shell = ["sh", "-c", f"echo {packages}"]
    told = subprocess.run(shell, env={"TORCH": torch}, capture_output=True, text=True, check=True).stdout
    assert {word for word in told.split() if not word.startswith("-")} == {"libgl1", "libglib2.0-0", *compiler}


def test_a_release(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=IGNORED)
    shutil.copytree(ROOT / ".ci", source / ".ci")
    command = [source / ".ci" / "release", sysconfig.get_path("purelib")]
    settings = {**ENVIRONMENT, "PYTHON": sys.executable}
    refused = subprocess.run(command, capture_output=True, text=True, env=settings)
    assert refused.returncode == 1
    version = modelscope_swinpan.__version__
    assert f"CHANGELOG.md has no section '## {version}'. Rename 'Unreleased'" in refused.stderr
    assert not (source / "dist").exists()

    changes = (source / "CHANGELOG.md").read_text(encoding="utf-8")
    (source / "CHANGELOG.md").write_text(
        changes.replace("## Unreleased", f"## {version} - 2026-01-01"), encoding="utf-8"
    )
    done = subprocess.run(command, capture_output=True, text=True, env=settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(file.name for file in (source / "dist").iterdir()) == [
        f"modelscope_swinpan-{version}-py3-none-any.whl",
        f"modelscope_swinpan-{version}.tar.gz",
    ]
    assert "demo/segmented.png" in done.stdout
    assert f"Version {version} is ready" in done.stdout


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
