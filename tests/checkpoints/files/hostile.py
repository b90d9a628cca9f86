"""A corpus of hostile checkpoints. Run as a program, it loads all of them and reports what became of each.

    python -m tests.checkpoints.files.hostile FOLDER

writes them to FOLDER one after another and prints a line of JSON for each: its name, the error, and the seconds of
processor time. The memory of the process is limited, so whoever builds what a file claims to hold does not get far.
"""

import io
import json
import pickle
import resource
import struct
import sys
import tarfile
import time
import warnings
import zipfile
from collections.abc import Iterator
from math import prod
from pathlib import Path

import torch

from tests.checkpoints.files.hostile_pickles import CANARY, bombs, call, gadgets

MEMORY = 2**30
HEAVY = 100_000
"""Pickles from this length on, which take a second or so to be refused, come in one form only."""


def zipped(content: bytes, **members: bytes) -> bytes:
    """``torch.save``'s archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/data/0", b"\0" * 16)
        for member, text in members.items():
            archive.writestr(f"archive/{member}", text)
    return file.getvalue()


def legacy(content: bytes) -> bytes:
    """What ``torch.save`` wrote before it took to archives."""
    head = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    return head + content + pickle.dumps(["0"], 2) + struct.pack("<q", 4) + b"\0" * 16


def others(canary: str) -> Iterator[tuple[str, bytes]]:
    """Hostile or foreign files of other formats, by file name."""
    evil = b"\x80\x02" + call("os.system", f"touch {canary}") + b"."
    for suffix in ("pt", "pkl", "safetensors", "bin"):
        yield f"empty.{suffix}", b""
        yield f"picture.{suffix}", b"\x89PNG\r\n\x1a\n" + b"\0" * 100
        yield f"page.{suffix}", b"<!DOCTYPE html><html>"
        yield f"program.{suffix}", b"\x7fELF" + b"\0" * 100
        yield f"pickle.{suffix}", evil
        yield f"archive without a checkpoint.{suffix}", b"PK\x05\x06" + b"\0" * 18
    yield "torchscript.pt", zipped(evil, **{"constants.pkl": evil, "code/__torch__.py": b"import os"})
    yield "other byte order.pt", zipped(b"\x80\x02}.", byteorder=b"big")
    yield "byte order of its own.pt", zipped(b"\x80\x02}.", byteorder=b"os.system")
    tape = io.BytesIO()
    with tarfile.open(fileobj=tape, mode="w") as archive:  # PyTorch's first form; reading it unpickled freely for years
        for member in ("storages", "tensors", "pickle"):
            entry = tarfile.TarInfo(member)
            entry.size = len(evil)
            archive.addfile(entry, io.BytesIO(evil))
    yield "tar.pt", tape.getvalue()
    whole = zipped(b"\x80\x02}.")
    end = whole.rindex(b"PK\x05\x06")
    yield "endless contents.pt", whole[: end + 12] + b"\xff\xff\xff\x7f" + whole[end + 16 :]
    yield "contents elsewhere.pt", whole[: end + 16] + b"\xff\xff\xff\x7f" + whole[end + 20 :]
    first = whole.index(b"PK\x01\x02")
    yield "member elsewhere.pt", whole[: first + 42] + b"\xf0\xff\xff\x7f" + whole[first + 46 :]
    for text in (
        b"{",
        b"[]",
        b'{"a": 1}',
        b"[" * 10**6,
        b'{"a":' * 10**5,
        b'{"__metadata__": {"modelscope_swinpan": 1}}',
    ):
        yield f"header {text[:20]!r} {len(text)}.safetensors", struct.pack("<Q", len(text)) + text
    for length in (2**63, 2**40, 10**8, 99):
        yield f"header of {length}.safetensors", struct.pack("<Q", length) + b"{}"
    for shape, end_ in (([10**12], 4 * 10**12), ([1], 4), ([10**12], 4), ([-1], 4), ([2**62, 4], 0)):
        entry = {"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, end_]}}
        text = json.dumps(entry).encode()
        yield f"tensor of {shape} in {end_}.safetensors", struct.pack("<Q", len(text)) + text


def models() -> Iterator[tuple[str, bytes]]:
    """Files of weights that are what they claim, and a model that nobody could build."""
    from tests.builders import SMALL, Mask2Former

    with torch.device("meta"):
        shapes = {key: list(tensor.shape) for key, tensor in Mask2Former(SMALL).state_dict().items()}
    layers = {f"backbone.stages.{i}.blocks.{j}.norm1.weight": [0] for i in range(4) for j in range(10_000)}
    stages = {f"backbone.norms.{i}.weight": [0] for i in range(60)}
    tables = {f"backbone.stages.{i}.blocks.0.attn.relative_position_bias_table": [0, 2**40] for i in range(60)}
    head = {"transformer_decoder.class_head.bias": [2**30, 0], "transformer_decoder.query_feat": [2**40, 0]}
    for title, changes in (
        ("layers", layers),
        ("stages", {**stages, **tables}),
        ("queries", head),
        ("window", {"backbone.stages.0.blocks.0.attn.relative_position_bias_table": [0, 2]}),
        ("width", {"backbone.patch_embed.norm.weight": [0]}),
        ("channels", {"pixel_decoder.level_embed": [3, 2**61, 0]}),
    ):
        header, end = {}, 0
        for key, shape in {**shapes, **changes}.items():
            start, end = end, end + 4 * prod(shape)
            header[key] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
        text = json.dumps(header).encode()
        yield f"{title}.safetensors", struct.pack("<Q", len(text)) + text + b"\0" * end


def corpus(canary: str) -> Iterator[tuple[str, bytes]]:
    """Every file of the corpus by its name; pickles in each of the forms that hold one, or the first."""
    for title, instructions in (*gadgets(canary), *bombs()):
        content = b"\x80\x02" + instructions + b"."
        yield f"{title}.pkl", content
        if len(content) < HEAVY:
            yield f"{title}.pt", zipped(content)
            yield f"{title}.pth", legacy(content)
    yield from others(canary)
    yield from models()


def main(folder: Path) -> None:
    """Load every file of the corpus; see the module's docstring."""
    from modelscope_swinpan import load_model

    canary = folder / CANARY
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    load_model(Path(__file__).parents[2] / "fixtures" / "tiny")  # whatever is imported late, is now
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    for title, content in corpus(str(canary)):
        path = folder / f"x{Path(title).suffix}"
        path.write_bytes(content)
        print(json.dumps(title), end=" ", flush=True)  # should it take the process along
        start = time.process_time()
        try:
            load_model(path)
            kind, message = "", "it loaded"
        except Exception as error:
            kind, message = type(error).__name__, str(error)
        seconds = time.process_time() - start
        print(json.dumps({"error": kind, "message": message[:300], "seconds": seconds, "canary": canary.exists()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
