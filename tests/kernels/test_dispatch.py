"""One file decides which form is taken, and it decides right."""

import ast
from pathlib import Path

import pytest
import torch

import modelscope_swinpan
from modelscope_swinpan.kernels import dispatch, linear
from tests.builders import random_model
from tests.kernels.twins import CASES

PACKAGE = Path(modelscope_swinpan.__file__).parent
DISPATCH = Path(dispatch.__file__)
QUESTIONS = {"is_compiling", "is_exporting", "is_dynamo_compiling", "is_grad_enabled", "is_inference_mode_enabled"}
DEVICE_QUESTIONS = {"is_cuda", "is_cpu", "is_meta", "is_mps"}


def dotted(node):
    """``torch.a.b`` as ['torch', 'a', 'b']; what is no chain of names starts with ''."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id if isinstance(node, ast.Name) else "", *reversed(names)]


def is_private(name):
    """Whether a name starts or ends with an underscore, dunder names aside."""
    return not name.startswith("__") and (name.startswith("_") or name.endswith("_"))


def offences(source, may_ask_for_devices=False):
    """Lines of ``source`` that only dispatch.py may have."""
    tree = ast.parse(source)
    texts = {id(statement.value) for statement in ast.walk(tree) if isinstance(statement, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Attribute):
            names = dotted(node)
            if not may_ask_for_devices and (names[-2:] == ["device", "type"] or names[-1] in DEVICE_QUESTIONS):
                yield node.lineno
        elif isinstance(node, ast.Import | ast.ImportFrom):
            prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                names += f"{prefix}{alias.name}".split(".")
        elif isinstance(node, ast.Name):
            names = [node.id]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in texts:
            names = ["", node.value]
        words = " ".join(names).lower()
        if (
            (names[:1] == ["torch"] and (names[1:2] == ["ops"] or any(map(is_private, names[1:]))))
            or "mkldnn" in words
            or "amx" in words.replace("_", " ").split()
            or QUESTIONS & set(names)
            or names == ["", "triton"]
        ):
            yield node.lineno


def test_nothing_else_asks_the_processor_or_names_private_parts_of_pytorch():
    found = {}
    for path in PACKAGE.rglob("*.py"):
        file = path.relative_to(PACKAGE)
        may_ask_for_devices = file.parts[0] not in ("kernels", "models")
        found[str(file)] = list(offences(path.read_text(), may_ask_for_devices=may_ask_for_devices))
    assert found.pop("kernels/dispatch.py")
    assert {file: lines for file, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        "torch.cpu._is_amx_tile_supported()",
        "from torch._C import x",
        "from torch.utils import _pytree",
        "import torch._dynamo",
        "torch.ops.aten.gelu(x)",
        "torch.relu_(x)",
        "torch.mkldnn_convolution(x)",
        "torch.backends.mkldnn.is_available()",
        "getattr(torch, 'mkldnn_convolution')",
        "is_amx()",
        "torch.compiler.is_compiling()",
        "from torch.compiler import is_exporting",
        "torch.is_grad_enabled()",
        "find_spec('triton')",
        "x.device.type == 'cuda'",
        "device.type",
        "f(x).is_cuda",
    ],
)
def test_an_offence_is_found(line):
    assert list(offences(f'"""Words about mkldnn and triton."""\n{line}'))[:1] == [2]


@pytest.fixture
def replace(monkeypatch):
    """Give a name in dispatch.py another value; what it decided before is forgotten."""

    def forget():
        dispatch.onednn_dtypes.cache_clear()
        dispatch.has_matrix_unit.cache_clear()

    yield lambda name, value: (monkeypatch.setattr(dispatch, name, value), forget())
    monkeypatch.undo()
    forget()


@pytest.fixture
def taken(monkeypatch, replace):
    """Names of the fast forms that are called. Sizes and processor are such that all for CPUs may be."""
    called = set()
    former = {operation: list(forms) for operation, forms in dispatch.FORMS.items()}

    def recorded(form):
        return lambda *arguments, **named: (called.add(form.__name__), form(*arguments, **named))[1]

    for forms in dispatch.FORMS.values():
        forms[:] = [(condition, recorded(form)) for condition, form in forms]
    monkeypatch.setattr(linear, "FEW_ROWS", 1)
    monkeypatch.setattr(linear, "HIDDEN_BYTES", 1)
    replace("_has_amx", lambda: False)
    yield called
    for operation, forms in former.items():
        dispatch.FORMS[operation][:] = forms


IMAGES = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
DTYPES = [torch.float32, torch.bfloat16]
FOR_CPUS = {form.__name__ for form in CASES} - {"sample_by_triton"}


def answer(model):
    with torch.inference_mode():
        return model(IMAGES).mask_logits


def test_eager_inference_takes_every_fast_form_that_is_for_cpus(taken):
    for dtype in DTYPES:
        answer(random_model().to(dtype))
    assert taken == (FOR_CPUS if dispatch.onednn_dtypes() else FOR_CPUS - {"linear_by_onednn"})


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_and_traces_take_plain_twins(taken, dtype):
    model = random_model().to(dtype)
    model(IMAGES).mask_logits.sum().backward()
    with torch.no_grad():
        torch.export.export(model, (IMAGES,))
    assert taken == set()


def test_compiled_layers_take_plain_twins(taken):
    model = random_model().bfloat16()
    layers = (model.backbone.stages[0].blocks[1], model.pixel_decoder.layers[0])
    x, memory = torch.randn(1, 9, 14, 32).bfloat16(), torch.randn(1, 21, 64).bfloat16()
    shapes = [(1, 1), (2, 2), (4, 4)]
    with torch.no_grad():
        torch.compile(layers[0], backend="eager", fullgraph=True)(x)
        centres = torch.rand(21, 3, 4, 2)
        torch.compile(layers[1], backend="eager", fullgraph=True)(memory, memory[0], centres, shapes)
    assert taken == set()


def test_where_pytorch_lacks_names_plain_twins_are_taken(taken, replace):
    models = [random_model().to(dtype) for dtype in DTYPES]
    expected = answer(models[0])
    taken.clear()
    for name in ("onednn_convolution", "_has_fast_bfloat16", "_has_amx"):
        replace(name, None)
    replace("IN_PLACE", {"gelu": None, "relu": None})
    torch.testing.assert_close(answer(models[0]), expected, atol=1e-4, rtol=1e-4)
    answer(models[1])
    assert taken == FOR_CPUS - {
        "linear_by_onednn",
        "feed_forward_in_pieces",
        "biased_attention_by_products",
        "masked_attention_by_products",
    }


def test_without_the_question_about_bfloat16_onednn_multiplies_float32_alone(replace):
    replace("_has_fast_bfloat16", None)
    assert torch.bfloat16 not in dispatch.onednn_dtypes()


def test_looking_up():
    assert dispatch._look_up("nn.functional.relu") is torch.nn.functional.relu
    assert dispatch._look_up("no_such_module._name") is None
    assert dispatch._look_up("ops.aten.no_such_operator_") is None
