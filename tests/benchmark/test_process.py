import os
import sys
import time
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from typer.testing import CliRunner

from modelscope_swinpan import openmp
from modelscope_swinpan.benchmark import process
from modelscope_swinpan.benchmark.process import check_unbound, measure, peak_resident, resident, worker
from modelscope_swinpan.cli import app


def test_measure_sees_a_peak_that_is_gone_at_the_end():
    size = 256 * 2**20

    def work():
        np.ones(size, np.uint8)
        time.sleep(0.2)

    found = measure(work)
    assert found["seconds"] >= 0.2
    assert 0.9 * size < found["peak_bytes"] < 1.5 * size


def test_the_processor_is_named_by_family_and_model(monkeypatch, tmp_path):
    """AMD's virtual machines of all generations are called alike."""
    monkeypatch.setattr(process, "PROC", tmp_path)
    lines = ["processor\t: 0", "cpu family\t: 25", "model\t\t: 17", "model name\t: AMD EPYC", "bugs\t\t: a: b", ""]
    (tmp_path / "cpuinfo").write_text("\n".join(lines))
    assert process.processor() == f"AMD EPYC (family 25, model 17), {os.cpu_count()} cores"
    (tmp_path / "cpuinfo").unlink()
    assert process.processor().endswith(f" {os.cpu_count()} cores")


def test_memory_without_linux(monkeypatch, tmp_path):
    import resource

    monkeypatch.setattr(process, "PROC", tmp_path)
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert usage <= resident() <= peak_resident() < 2 * usage


def test_memory_on_windows(monkeypatch, tmp_path):
    """It has no module ``resource``, and tells the peak by another name."""
    monkeypatch.setattr(process, "PROC", tmp_path)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "resource", None)
    peaks = iter([100, 160])
    told = SimpleNamespace(memory_info=lambda: SimpleNamespace(peak_wset=next(peaks)))
    monkeypatch.setattr(psutil, "Process", lambda: told)
    found = measure(lambda: time.sleep(0.1))
    assert found["peak_bytes"] == 60
    assert found["seconds"] >= 0.1


def fail():
    raise ValueError("what went wrong")


def test_a_worker_keeps_its_process_and_tells_what_went_wrong():
    with worker() as executor:
        numbers = [executor.submit(os.getpid).result() for _ in range(2)]
        with pytest.raises(ValueError, match="what went wrong"):
            executor.submit(fail).result()
    assert numbers[0] == numbers[1] != os.getpid()


def waits():
    return {name: value for name, value in os.environ.items() if name in openmp.SWITCHES}


def test_a_peer_waits_as_without_this_package(monkeypatch):
    for name in openmp.SWITCHES:
        monkeypatch.delenv(name, raising=False)
    openmp.wait_briefly()
    with worker() as ours, worker(openmp.restore_waits) as peer:
        assert ours.submit(waits).result() == openmp.SHORT_WAIT
        assert peer.submit(waits).result() == {}


def test_neighbours_keep_a_core_busy_each_and_end():
    before = os.times().children_user
    with process.neighbours(2):
        time.sleep(0.5)
    assert os.times().children_user - before > 0.1


@pytest.mark.parametrize(("name", "value"), [("OMP_PROC_BIND", "close"), ("GOMP_CPU_AFFINITY", "0-1")])
def test_no_measurement_on_one_processor_by_mistake(name, value):
    result = CliRunner().invoke(app, ["bench", "throughput"], env={name: value})
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {name}={value} binds")


@pytest.mark.parametrize("value", ["", "FALSE"])
def test_openmp_that_binds_nothing_is_no_mistake(monkeypatch, value):
    monkeypatch.setenv("OMP_PROC_BIND", value)
    monkeypatch.setenv("OMP_PLACES", "cores")
    check_unbound()
