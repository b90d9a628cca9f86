"""The plugin in ModelScope's command line: ``modelscope swinpan …``, and ``modelscope server`` with no import line."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from . import isolated
from .loopback import MODEL_ID, LoopbackHub

MODELSCOPE = Path(sys.executable).parent / "modelscope"


def modelscope(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MODELSCOPE, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


def test_entry_point_is_light(tmp_path: Path) -> None:
    run = isolated.python(
        "import sys\n"
        "from importlib.metadata import entry_points\n"
        "(command,) = entry_points(group='modelscope_hub.cli_plugins', name='swinpan')\n"
        "print(command.load().name, sorted({'torch', 'modelscope', 'typer'} & set(sys.modules)))",
        cwd=tmp_path,
    )

    assert run.stdout == "swinpan []\n", run.stderr


def test_modelscope_help_lists_us() -> None:
    run = modelscope("--help")

    assert run.returncode == 0
    assert "swinpan" in run.stdout
    assert "download" in run.stdout


def test_arguments_and_options_are_handed_on() -> None:
    run = modelscope("swinpan", "predict", "--help")

    assert run.returncode == 0
    assert "--object-mask-threshold" in run.stdout
    assert modelscope("swinpan", "--version").stdout.startswith("swinpan ")


@pytest.mark.parametrize("arguments", [["predict", "--no-such-option", "x"], ["--no-such-option"], ["no-such-command"]])
def test_exit_status_is_ours(arguments: list[str]) -> None:
    run = modelscope("swinpan", *arguments)

    assert run.returncode == 2
    assert "o such" in run.stderr


def test_images_are_segmented(model_dir: Path, photo: Path, tmp_path: Path) -> None:
    arguments = ["--model", str(model_dir), "--device", "cpu", "--output"]

    good = modelscope("swinpan", "predict", str(photo), *arguments, str(tmp_path / "out"))
    bad = modelscope("swinpan", "predict", str(tmp_path / "nosuch.png"), *arguments, str(tmp_path / "bad"))

    assert good.returncode == 0, good.stderr
    assert (tmp_path / "out" / "panoptic.json").exists()
    assert bad.returncode == 1


def test_server_has_the_plugin_with_no_import_line(
    hub: LoopbackHub, client_env: dict[str, str], photo: Path, segmentor: Any, tmp_path: Path
) -> None:
    answer = isolated.call(_serve, base64.b64encode(photo.read_bytes()).decode(), cwd=tmp_path, env=client_env)

    expected = segmentor(str(photo))
    assert answer["labels"] == expected["labels"]
    assert answer["scores"] == [0.999] * len(expected["labels"])
    assert answer["masks"][0] == expected["masks"][0].tolist()
    assert answer["segments_info"][0]["label"] == expected["labels"][0]


def _serve(image: str) -> dict[str, Any]:
    """What ``modelscope server`` does, without the web framework around it: it, too, comes out of this parser."""
    from modelscope_hub.cli.main import run_cmd

    with pytest.raises(SystemExit):
        run_cmd(["--help"])
    from modelscope.utils.input_output import (
        call_pipeline_with_json,
        create_pipeline,
        pipeline_output_to_service_base64_output,
    )

    pipeline = create_pipeline(MODEL_ID, "master")
    body = {"input": {"image": image}, "parameters": {"scores": "virtual"}}
    result = call_pipeline_with_json({"task_name": pipeline.group_key}, pipeline, body)
    answer: dict[str, Any] = json.loads(
        json.dumps(pipeline_output_to_service_base64_output(pipeline.group_key, result))
    )
    return answer
