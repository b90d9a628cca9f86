import subprocess
import sys

from modelscope_swinpan.runs.attempts import Attempts


def test_counts_until_the_end():
    attempts = Attempts()
    assert [attempts.begin(3), attempts.begin(5), attempts.begin(3)] == [1, 1, 2]
    attempts.end(3)
    assert [attempts.begin(3), attempts.begin(5)] == [1, 2]


def test_needs_next_to_no_memory():
    """It has a process of its own on every cluster."""
    code = "import sys, modelscope_swinpan.runs.attempts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
