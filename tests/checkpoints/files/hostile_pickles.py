"""Hostile pickles, put together from instructions."""

import pickle
from collections.abc import Iterator

CANARY = "canary"
N = 600_000
"""More instructions than the reader takes."""


class Code(bytes):
    """Pickle instructions that leave one value on the stack."""


def code(value: object) -> Code:
    """Instructions for a plain value, or a container of instructions and such."""
    if isinstance(value, Code):
        return value
    if isinstance(value, tuple):
        return Code(b"(" + b"".join(map(code, value)) + b"t")
    if isinstance(value, list):
        return Code(b"](" + b"".join(map(code, value)) + b"e")
    if isinstance(value, dict):
        return Code(b"}(" + b"".join(code(part) for item in value.items() for part in item) + b"u")
    return Code(pickle.dumps(value, 2)[2:-1])


def name(path: str) -> Code:
    """A function or class by its full name."""
    module, _, attribute = path.rpartition(".")
    return Code(f"c{module}\n{attribute}\n".encode())


def call(function: str | Code, *arguments: object) -> Code:
    """A call of a function, named or computed."""
    target = function if isinstance(function, Code) else name(function)
    return Code(target + b"(" + b"".join(map(code, arguments)) + b"tR")


def state(target: Code, value: object) -> Code:
    """An object with its state set."""
    return Code(target + code(value) + b"b")


def repeated(start: bytes, step: bytes, end: bytes = b"", times: int = N) -> Code:
    """A value wrapped or extended many times."""
    return Code(start + step * times + end)


def gadgets(canary: str) -> Iterator[tuple[str, Code]]:
    """Calls that would leave a file, or be the first step to it."""
    shell, python = f"touch {canary}", f"open({canary!r}, 'w').close()"
    for function in ("os.system", "posix.system", "nt.system", "subprocess.getoutput", "os.popen", "pty.spawn"):
        yield function, call(function, shell)
    yield "subprocess", call("subprocess.Popen", ["touch", canary])
    for module in ("builtins", "__builtin__"):
        for function in ("eval", "exec", "execfile", "compile", "__import__", "globals", "open", "setattr", "apply"):
            yield f"{module}.{function}", call(f"{module}.{function}", python)
    for function in ("timeit.timeit", "code.interact", "pdb.run", "cProfile.run", "doctest.debug_script", "bdb.run"):
        yield function, call(function, python)
    for function in ("runpy.run_path", "importlib.import_module", "marshal.loads", "pickle.loads", "ctypes.CDLL"):
        yield function, call(function, "x")
    for function in ("shutil.rmtree", "pathlib.Path", "tempfile.mktemp", "webbrowser.open", "socket.create_connection"):
        yield function, call(function, canary)
    yield "nested", call("os.system", call("os.popen", call("builtins.eval", python)))
    yield "getattr chain", call(call("builtins.getattr", call("builtins.__import__", "os"), "system"), shell)
    history = name("mmengine.logging.history_buffer.HistoryBuffer")
    yield "getattr of a known class", call("builtins.getattr", call("builtins.getattr", history, "min"), "__globals__")
    yield "call of what getattr gives", call(call("builtins.getattr", history, "min"), shell)
    yield "getattr of an array", call("builtins.getattr", name("numpy.ndarray"), "tofile")
    yield "partial", call(call("functools.partial", name("os.system"), shell))
    yield "reduce", call("functools.reduce", name("os.system"), [shell])
    for function in ("attrgetter", "itemgetter", "methodcaller"):
        yield function, call(call(f"operator.{function}", "system"), name("os.path"))
    for codec in ("zlib_codec", "bz2_codec", "rot13", "utf-8", "unicode_escape"):
        yield f"codec {codec}", call("_codecs.encode", "text", codec)
    yield "codecs.decode", call("_codecs.decode", "text", "rot13")
    for function in ("hub.load", "jit.load", "load", "storage._load_from_bytes", "utils.collect_env.run", "ops.load"):
        yield f"torch.{function}", call(f"torch.{function}", canary)
    for function in ("_rebuild_wrapper_subclass", "_rebuild_qtensor", "_rebuild_sparse_tensor", "_rebuild_tensor_v3"):
        yield function, call(f"torch._utils.{function}", *range(8))
    yield "rebuild from type", call("torch._tensor._rebuild_from_type_v2", name("os.system"), None, (shell,), {})
    yield "nn.Module", state(call("copyreg.__newobj__", name("torch.nn.modules.module.Module")), {"forward": 1})
    yield "Parameter", state(call("torch._utils._rebuild_parameter", [], False, {}), {"__class__": 1})
    yield "tensor's state", state(call("torch.Tensor"), (1, 2, 3))
    for function in (
        "f2py.crackfortran.getlincoef",
        "f2py.crackfortran._eval_scalar",
        "testing._private.utils.runstring",
    ):
        yield function, call(f"numpy.{function}", python, {})
    for function in ("load", "memmap", "fromfile", "ctypeslib.load_library", "distutils.exec_command.exec_command"):
        yield f"numpy.{function}", call(f"numpy.{function}", canary)
    for core in ("core", "_core"):
        objects = call("numpy.dtype", "O8", 0, 1)
        empty = call(f"numpy.{core}.multiarray._reconstruct", name("numpy.ndarray"), (0,), b"b")
        yield f"objects in {core} array", state(empty, (1, (1,), objects, False, [call("os.system", shell)]))
        yield f"{core} scalar object", call(f"numpy.{core}.multiarray.scalar", objects, call("os.system", shell))
        yield f"{core} subclass", call(f"numpy.{core}.multiarray._reconstruct", name("numpy.memmap"), (0,), b"b")
    yield "types", call("types.FunctionType", call("types.CodeType", *range(16)), {})
    yield "copyreg", call("copyreg._reconstructor", name("os.system"), name("builtins.object"), None)
    yield "defaultdict", Code(call("collections.defaultdict", name("os.getcwd")) + code(CANARY) + b"Ns")
    yield "Counter", call("collections.Counter", call("os.system", shell))
    yield "INST", Code(b"(" + code(shell) + b"ios\nsystem\n")
    yield "OBJ", Code(b"(cos\nsystem\n" + code(shell) + b"o")
    yield "NEWOBJ", Code(b"csubprocess\nPopen\n" + code((["touch", canary],)) + b"\x81")
    yield "NEWOBJ_EX", Code(b"csubprocess\nPopen\n" + code(()) + code({"args": ["touch", canary]}) + b"\x92")
    yield "STACK_GLOBAL", Code(code("os") + code("system") + b"\x93" + code((shell,)) + b"R")
    yield "EXT1", Code(b"\x82\x01")
    yield "PERSID", Code(b"Pos.system\n")
    yield "module as outside data", Code(code(("module", 1, None, None)) + b"Q")
    yield "attribute path", Code(code("builtins") + code("getattr.__self__.eval") + b"\x93" + code((python,)) + b"R")


def array(shape: object, raw: object = b"\0" * 8) -> Code:
    """A numpy array of float64 that claims a shape."""
    dtype = state(call("numpy.dtype", "f8", 0, 1), (3, "<", None, None, None, -1, -1, 0))
    empty = call("numpy.core.multiarray._reconstruct", name("numpy.ndarray"), (0,), b"b")
    return state(empty, (1, Code(code(shape)), dtype, False, raw))


def tensor(numel: int, shape: object, stride: object, offset: object = 0) -> Code:
    """A tensor of a storage that the file may or may not hold."""
    reference = code(("storage", name("torch.FloatStorage"), "0", "cpu", numel))
    return call("torch._utils._rebuild_tensor_v2", Code(reference + b"Q"), offset, shape, stride, False, {})


def bombs() -> Iterator[tuple[str, Code]]:
    """Files that are small and claim, or ask for, more than there is of memory or time."""
    yield "nested tuples as a key", Code(b"}" + repeated(b")", b"\x85") + b"Ns")
    yield "nested tuples as an element", Code(b"\x8f(" + repeated(b")", b"\x85", times=450_000) + b"\x90")
    yield "nested tuples", repeated(b")", b"\x85", times=450_000)
    yield "nested lists", Code(b"]" * 200_000 + b"a" * 199_999)
    yield "nested dicts", Code(b"}N" * 150_000 + b"N" + b"s" * 150_000)
    yield "nested frozensets", Code(b"(" * 200_000 + b"\x91" * 200_000)
    yield "marks", repeated(b"N", b"(")
    yield "sets", repeated(b"(", b"\x8f", b"t")
    yield "dicts", repeated(b"(", b"}", b"t")
    yield "nothing at all", repeated(b"N", b"N0")
    yield "distant memo", Code(b"Nr\xff\xff\xff\xff")
    laughs = Code(b"]q\x00" + b"".join(b"0](h%ch%ceq%c" % (i, i, i + 1) for i in range(99)))
    laughing_tuples = Code(b")q\x00" + b"".join(b"0h%ch%c\x86q%c" % (i, i, i + 1) for i in range(99)))
    yield "billion laughs", laughs
    yield "billion laughs as a key", Code(b"}" + laughing_tuples + b"Ns")
    yield "billion laughs as a device", call("torch.device", laughs)
    yield "billion laughs as a size", call("torch.Size", laughs)
    yield "billion laughs as a shape", array(laughs)
    keys = b"".join(b"\x8a\x0b" + (i * (2**61 - 1)).to_bytes(11, "little") + b"N" for i in range(9, 90_000))
    yield "keys of one hash", Code(b"}(" + keys + b"u")
    megabyte = Code(code("x" * 2**20) + b"q\x01")
    for function in ("_codecs.encode", "collections.OrderedDict", "collections.Counter", "builtins.set", "torch.Size"):
        arguments = b"h\x01X\x06\x00\x00\x00latin1\x86" if function == "_codecs.encode" else b"h\x01\x85"
        yield f"copies by {function}", Code(megabyte + b"0(" + (name(function) + arguments + b"R") * 9000 + b"t")
    many = Code(b"](" + b"N" * 100_000 + b"eq\x010")
    yield "copies of a list", Code(many + b"(" + (name("builtins.set") + b"h\x01\x85R") * 9000 + b"t")
    for instruction, size in ((b"\x8b", 4), (b"X", 4), (b"B", 4), (b"T", 4), (b"\x8d", 8), (b"\x8e", 8), (b"\x96", 8)):
        for claim in ((1 << 8 * size) - 1, 1 << 8 * size - 1, 10**9):
            yield f"{instruction!r} claims {claim}", Code(instruction + claim.to_bytes(size, "little") + b"x")
    yield "frame of exabytes", Code(b"\x95" + b"\xff" * 8 + b"N")
    yield "text number", Code(b"L" + b"9" * 10**6 + b"L\n")
    yield "long name", Code(b"c" + b"a" * 10**6 + b"\nb\n")
    huge = (
        10**12,
        (2**40, 2**40),
        (2**62,) * 4,
        (2**63,),
        (-1,),
        (1.5,),
        (True,),
        ("x",),
        [[]],
        (2**31,) * 10_000,
        None,
    )
    for shape in huge:
        yield f"array of {str(shape)[:40]}", array(shape if isinstance(shape, tuple) else (shape,))
        yield f"tensor of {str(shape)[:40]}", tensor(4, shape, shape)
        yield f"stride of {str(shape)[:40]}", tensor(4, (2, 2), shape)
    yield "array by repetition", array(("ab" * 1000, 10**9, 10**9))
    yield "array of text", array((1,), "\u20ac" * 8)
    yield "array of a list", array((1,), [0])
    yield "offset outside", tensor(4, (2,), (1,), 3)
    yield "negative offset", tensor(4, (2,), (1,), -1)
    yield "negative stride", tensor(4, (2,), (-1,))
    yield "storage of petabytes", tensor(2**50, (2**50,), (1,))
    yield "storage of gigabytes", tensor(2**29, (1,), (1,))
    yield "negative storage", tensor(-(2**40), (1,), (1,))
    yield "storage of a storage", Code(code(("storage", name("torch.FloatStorage"), laughs, "cpu", 4)) + b"Q")
    yield "reference to a list", Code(code([1, 2]) + b"Q")
    yield "a dtype of nothing", call("numpy.dtype", laughs)
    yield "tensors without end", Code(tensor(4, (2,), (1,)) + b"q\x01(" + b"h\x01" * 10**6 + b"t")
