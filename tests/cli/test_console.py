"""What cannot be printed does not stop a run."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modelscope_swinpan.cli import console, main
from modelscope_swinpan.cli.console import SafeConsole
from tests.conftest import CHELSEA, EMBEDDED

# However busy a machine is, the command does not begin to tell how long it has been at work.
CODE = "from modelscope_swinpan.cli import main, progress; progress.SOON = 3600; main()"
SWINPAN = [sys.executable, "-c", CODE]


class Stream(io.StringIO):
    """A stream that fails."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


@pytest.mark.parametrize(
    ("error", "lost"), [(OSError(28, "No space left on device"), True), (BrokenPipeError(32, "Broken pipe"), False)]
)
def test_a_console_that_cannot_print(error, lost, monkeypatch, capsys):
    full = SafeConsole(file=Stream(error))
    full.print("one")
    full.print("two")
    with full.status("three"), full:
        pass
    assert (full.lost is error) is lost
    monkeypatch.setattr(console, "out", full)
    if not lost:
        with console.one_line_errors():
            pass
        return
    with pytest.raises(console.typer.Exit) as caught, console.one_line_errors():
        pass
    assert caught.value.exit_code == 1
    assert capsys.readouterr().err == "Error: Standard output could not be written: No space left on device\n"


NO_FILE = "cannot open shared object file: No such file or directory"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left", "a/b"), "a/b: No space left. Make room for it, and give the same command again."),
        (OSError(28, "No space left", "photo", None, "a/b"), "a/b: No space left. Make room"),
        (OSError(13, "Permission denied", "a/b"), "a/b: Permission denied\n"),
        (
            OSError(28, "No space left"),
            "This is standard output, or a temporary file. The variable TMPDIR names another",
        ),
        (FileNotFoundError(2, "No usable temporary directory found in ['/']"), "found in ['/']. The variable TMPDIR"),
        (ConnectionError(111, "Connection refused"), "Connection refused\n"),
        (OSError("words"), "words\n"),
        (RuntimeError("can't start new thread"), "too few threads: can't start new thread\n"),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), "too little memory"),
        (MemoryError(), "too little memory"),
        (
            ImportError(f"libxcb.so.1: {NO_FILE}", name="cv2"),
            f"missing: libxcb.so.1: {NO_FILE}. On Debian and Ubuntu: ",
        ),
        (ImportError(f"libcudnn.so.9: {NO_FILE}", name="torch._C"), "torch._C cannot be imported, as a library of"),
    ],
)
def test_what_a_machine_lacks_takes_one_line(error, told, capsys):
    with pytest.raises(console.typer.Exit) as caught, console.one_line_errors():
        raise error
    assert caught.value.exit_code == 1
    message = capsys.readouterr().err
    assert message.startswith("Error: ")
    assert told in message
    assert message.count("\n") == 1


@pytest.mark.parametrize("error", [RuntimeError("a mistake"), ImportError("no name in module"), ValueError("another")])
def test_mistakes_of_programs_are_seen(error):
    with pytest.raises(type(error), match=str(error)), console.one_line_errors():
        raise error


@pytest.fixture
def photo(tmp_path):
    return shutil.copy(CHELSEA, tmp_path / "照片 é.png")


def predict(photo, output, *, stdout=subprocess.PIPE, **environment):
    command = [*SWINPAN, "predict", str(photo), "--model", str(EMBEDDED), "--output", str(output), "--device", "cpu"]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, env={**os.environ, **environment})


def test_characters_that_the_console_does_not_have(photo, tmp_path):
    answer = predict(photo, tmp_path / "out", PYTHONIOENCODING="ascii")
    assert (answer.returncode, answer.stderr) == (0, b"Segmenting 1 image\n")
    assert b"??" in answer.stdout
    assert (tmp_path / "out" / "panoptic.json").is_file()
    assert (tmp_path / "out" / "overlays" / "照片 é.png").is_file()


def test_a_full_disk_behind_standard_output(photo, tmp_path):
    with Path("/dev/full").open("wb") as full:
        answer = predict(photo, tmp_path / "out", stdout=full)
    assert answer.returncode == 1
    assert (
        answer.stderr == b"Segmenting 1 image\nError: Standard output could not be written: No space left on device\n"
    )
    assert (tmp_path / "out" / "panoptic.json").is_file()


def test_a_full_disk_behind_help():
    with Path("/dev/full").open("wb") as full:
        answer = subprocess.run([*SWINPAN, "--help"], stdout=full, stderr=subprocess.PIPE)
    assert answer.returncode == 1
    assert answer.stderr.startswith(b"Error: No space left on device. This is standard output, or")
    assert answer.stderr.count(b"\n") == 1


def test_a_user_without_a_home(monkeypatch, capsys):
    """As in containers: the system's table of users does not know the number, and no variable names a folder."""
    pwd = pytest.importorskip("pwd")

    def unknown(number):
        raise KeyError(number)

    monkeypatch.setenv("HOME", "x")  # comes back at the end
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(SystemExit):
        main(["--version"])
    assert Path.home() == Path("/")


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no folder that is in use")
def test_a_current_folder_that_was_removed(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(SystemExit) as ended:
        main(["inspect", str(EMBEDDED)])
    assert ended.value.code == 1
    assert capsys.readouterr().err == "Error: The current folder was removed. Change to one that is there.\n"


def test_a_reader_that_goes_away():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as gone:
        answer = subprocess.run([*SWINPAN, "--version"], stdout=gone, stderr=subprocess.PIPE)
    assert (answer.returncode, answer.stderr) == (0, b"")


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_characters_are_replaced(errors, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", errors=errors)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", None)  # as of a program without a console on Windows
    console.print_any_character()
    console.say("照 é \udcff")
    assert stream.buffer.getvalue() == b"? \xe9 ?\n"
