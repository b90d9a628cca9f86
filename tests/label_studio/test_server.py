"""What the round trips rely on, without Label Studio itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.label_studio.server import program

GUARD = Path(__file__).with_name("guard")


def test_a_missing_environment_fails_the_test(tmp_path):
    with pytest.raises(pytest.fail.Exception, match=r"is not in .*: 'make label-studio' makes that environment"):
        program(tmp_path)


def test_the_guard(tmp_path):
    """It keeps a process from other hosts, by name and by address, and tells which."""
    code = """
import socket, urllib.request
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
for ask in (
    lambda: urllib.request.urlopen("https://label-studio.invalid/"),
    lambda: socket.create_connection(("192.0.2.1", 80), timeout=1),
):
    try:
        ask()
    except OSError as error:
        print(error)
"""
    asked = tmp_path / "asked.txt"
    settings = {**os.environ, "PYTHONPATH": str(GUARD), "GUARD_LOG": str(asked)}
    done = subprocess.run([sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=True)
    assert done.stdout.count("is another host") == 2
    assert asked.read_text().splitlines() == ["label-studio.invalid", "192.0.2.1"]
