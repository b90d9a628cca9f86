import subprocess
import sys

from modelscope_swinpan.runs.attempts import Attempts


def test_images_that_did_not_end_are_no_longer_begun_together():
    attempts = Attempts()
    assert attempts.begin_together([3, 5])
    assert attempts.begin_together([6, 7])
    assert not attempts.begin_together([3, 5])
    assert [attempts.begin(3), attempts.begin(3), attempts.begin(5)] == [2, 3, 2]
    attempts.end([3])
    assert not attempts.begin_together([3, 5])
    attempts.end([3, 5])
    assert attempts.begin_together([3, 5])


def test_needs_next_to_no_memory():
    """It has a process of its own on every cluster."""
    code = "import sys, modelscope_swinpan.runs.attempts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
