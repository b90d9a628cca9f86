"""Plain pickles, and what training frameworks leave in them."""

import pickle
import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from modelscope_swinpan.checkpoints.files.io import read_torch
from modelscope_swinpan.checkpoints.files.pickles import KNOWN, skips
from modelscope_swinpan.checkpoints.files.unpickler import Skipped
from modelscope_swinpan.errors import CheckpointError
from tests.checkpoints.files.test_io import mapped_file

RANDOM = np.random.default_rng(0)
ARRAYS = {
    "float32": RANDOM.standard_normal((3, 4, 5), np.float32),
    "float64": RANDOM.standard_normal((2, 3)),
    "float16": RANDOM.standard_normal(7).astype(np.float16),
    "int64": RANDOM.integers(-9, 9, (2, 2)),
    "int8": np.arange(-3, 3, dtype=np.int8),
    "uint8": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "bool": np.array([True, False]),
    "fortran": np.asfortranarray(RANDOM.standard_normal((3, 4, 5), np.float32)),
    "not contiguous": RANDOM.standard_normal((4, 6), np.float32)[:, ::2],
    "scalar array": np.array(3.5, np.float32),
    "empty": np.zeros((0, 3), np.float32),
    "large": RANDOM.standard_normal((100, 100), np.float32),
}


@pytest.fixture
def pickled(tmp_path):
    """Reads what a pickle of an object gives."""

    def read(content, protocol=4, change=lambda data: data):
        (tmp_path / "a.pkl").write_bytes(change(pickle.dumps(content, protocol)))
        return read_torch(tmp_path / "a.pkl")

    return read


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_detectron2(pickled, protocol):
    content = {"model": ARRAYS, "__author__": "someone", "matching_heuristics": True}
    found = pickled(content, protocol)
    assert (found["__author__"], found["matching_heuristics"]) == ("someone", True)
    assert list(found["model"]) == list(ARRAYS)
    for name, array in ARRAYS.items():
        tensor = found["model"][name]
        assert tensor.shape == array.shape
        assert tensor.numpy().dtype == array.dtype
        assert np.array_equal(tensor.numpy(), array), name


@pytest.mark.parametrize(("new", "old"), [(b"numpy._core", b"numpy.core")])
def test_the_names_of_numpy_1(pickled, new, old):
    assert new in pickle.dumps(ARRAYS["int64"], 2)
    found = pickled(ARRAYS["int64"], 2, lambda data: data.replace(new, old))
    assert np.array_equal(found.numpy(), ARRAYS["int64"])


def test_from_python_2(pickled):
    """Python 2 wrote names, text and the content of arrays alike."""
    numbers = np.array([1.5, -2.0], np.float32).tobytes()
    data = (
        b"\x80\x02}U\x01acnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x08" + numbers + b"tbs."
    )
    assert pickled(None, change=lambda _: data)["a"].tolist() == [1.5, -2.0]


def test_scalars_become_numbers(pickled):
    scalars = [np.float64(0.1), np.float32(0.5), np.int64(-7), np.bool_(True), np.uint8(200), np.uint64(2**63)]
    found = pickled(scalars)
    assert found == [0.1, 0.5, -7, True, 200, 2**63]
    assert [type(number) for number in found] == [float, float, int, bool, int, int]


def test_arrays_are_mapped_where_their_place_suits(tmp_path):
    """Among four places for an array of float32, one suits."""
    where = []
    for shift in range(4):
        path = tmp_path / f"{shift}.pkl"
        path.write_bytes(pickle.dumps({"x" * (shift + 1): ARRAYS["large"]}, 4))
        (tensor,) = read_torch(path).values()
        assert np.array_equal(tensor.numpy(), ARRAYS["large"])
        where.append(mapped_file(tensor) == str(path))
    assert where.count(True) == 1


def test_writing_to_a_tensor_leaves_the_file_alone(tmp_path):
    content = pickle.dumps([ARRAYS["large"]] * 2, 4)
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    first, second = read_torch(path)
    assert first is second
    first.zero_()
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.array([print, "x"], object), "dtype 'O8'"),
        (np.array(["text"]), "dtype 'U4'"),
        (np.array([(1, 2.0)], "i4,f4"), "dtype 'V8'"),
        (np.array(["2020-01-01"], "M8[D]"), "dtype 'M8'"),
        (np.array([1j]), "dtype 'c16'"),
        (np.arange(3.0).astype(">f8"), "another byte order"),
    ],
    ids=str,
)
def test_arrays_that_are_not_numbers(pickled, content, message):
    with pytest.raises(CheckpointError, match=message):
        pickled(content)


def test_not_a_pickle(tmp_path):
    for content, message in ((b"", "is empty"), (b"\x89PNG\r\n", "unknown"), (b"{}", "unknown")):
        (tmp_path / "a.pkl").write_bytes(content)
        with pytest.raises(CheckpointError, match=message):
            read_torch(tmp_path / "a.pkl")
    with pytest.raises(CheckpointError, match="no such file"):
        read_torch(tmp_path / "b.pkl")


class HistoryBuffer:
    """As mmengine has it, with the table of methods that its first versions kept in every buffer."""

    def __init__(self):
        self.max_length = 1_000_000
        self._log_history = RANDOM.standard_normal(1000)
        self._count_history = np.ones(1000, int)
        self._statistics_methods = {"min": HistoryBuffer.min}

    def min(self):
        """Never called."""


class MessageHub:
    """As mmengine's first versions pickled it whole."""

    def __init__(self, buffer):
        self._log_scalars = {"train/loss": buffer}
        self._runtime_info = {"iter": 7}


@pytest.fixture
def mmengine(monkeypatch):
    """Modules of mmengine's names, as far as a pickle needs them to be written."""
    for package in ("mmengine", "mmengine.logging"):
        monkeypatch.setitem(sys.modules, package, ModuleType(package))
    for kind, module in ((HistoryBuffer, "history_buffer"), (MessageHub, "message_hub")):
        fake = ModuleType(f"mmengine.logging.{module}")
        setattr(fake, kind.__name__, kind)
        monkeypatch.setattr(kind, "__module__", fake.__name__)
        monkeypatch.setitem(sys.modules, fake.__name__, fake)
    monkeypatch.setattr(HistoryBuffer.min, "__module__", "mmengine.logging.history_buffer")


@pytest.mark.usefixtures("mmengine")
@pytest.mark.parametrize("zipped", [True, False])
def test_the_training_history_of_mmdetection_3(tmp_path, zipped, monkeypatch):
    buffer = HistoryBuffer()
    content = {
        "meta": {"dataset_meta": {"classes": ("person",)}, "epoch": 50, "seed": 1, "mmengine_version": "0.10.7"},
        "state_dict": {"a": torch.arange(5.0)},
        "message_hub": {
            "log_scalars": {"train/loss": buffer, "train/lr": buffer},
            "runtime_info": {"iter": 7, "loop_stage": "train"},
            "resumed_keys": {"train/loss": True},
        },
        "old_hub": MessageHub(buffer),
        "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999)}]},
        "param_schedulers": [{"last_step": 7, "_global_step": np.int64(8)}],
    }
    torch.save(content, tmp_path / "epoch_50.pth", _use_new_zipfile_serialization=zipped)
    for module in ("mmengine.logging.history_buffer", "mmengine.logging.message_hub"):
        monkeypatch.delitem(sys.modules, module)
    found = read_torch(tmp_path / "epoch_50.pth")
    assert found["meta"] == content["meta"]
    assert found["state_dict"]["a"].tolist() == [0, 1, 2, 3, 4]
    assert found["param_schedulers"] == [{"last_step": 7, "_global_step": 8}]
    assert found["optimizer"]["state"][0]["step"].item() == 3
    inert = found["message_hub"]["log_scalars"]["train/loss"]
    assert inert.name == "mmengine.logging.history_buffer.HistoryBuffer"
    assert isinstance(inert, Skipped)


def test_nothing_known_is_the_real_thing():
    """Whatever a file may name is answered by something of ours."""
    for name, value in KNOWN.items():
        assert isinstance(value, str) or value.make.__module__.startswith("modelscope_swinpan."), name


@pytest.mark.parametrize(
    "name",
    [
        "__main__.Arguments",
        "lightning.fabric.utilities.data.AttributeDict",
        "omegaconf.dictconfig.DictConfig",
        "argparse.Namespace",
        "pathlib.PosixPath",
        "pathlib._local.WindowsPath",
        "builtins.list",
        "typing.Any",
        "torch.optim.adamw.AdamW",
        "torch.nn.modules.linear.Linear",
    ],
)
def test_settings_are_skipped(name):
    assert skips(name)


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "posix.system",
        "nt.system",
        "commands.getoutput",
        "__builtin__.eval",
        "builtins.exec",
        "pathlib.Path.write_text",
        "subprocess.Popen",
        "torch.hub.load",
        "torch.load",
        "numpy.load",
        "numpy.f2py.crackfortran.getlincoef",
    ],
)
def test_functions_mark_an_attack(name):
    assert not skips(name)
