"""Folders and links to folders in any order: each image is found once, and nothing goes in circles."""

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from modelscope_swinpan.runs.listing import open_inputs
from modelscope_swinpan.runs.tree import folders


def plant(root, seed):
    """A random tree of folders, inside and outside ``root / 'photos'``, with links between them."""
    rng = random.Random(seed)
    inside, outside = [root / "photos"], [root / "store"]
    for number in range(rng.randrange(1, 8)):
        inside.append(rng.choice(inside) / f"{rng.choice(['', '', '.'])}d{number}")
    for number in range(rng.randrange(1, 4)):
        outside.append(rng.choice(outside) / f"e{number}")
    for number, folder in enumerate([*inside, *outside]):
        folder.mkdir()
        (folder / f"{number}.png").touch()
    for number in range(rng.randrange(8)):
        place, target = rng.choice([*inside, *outside]), rng.choice([*inside, *outside, root])
        (place / f"link{number}").symlink_to(os.path.relpath(target, place) if number % 2 else target)


def reachable(root):
    """The images in all folders that are reached without a hidden name."""
    met, waiting = set(), [root]
    while waiting:
        folder = waiting.pop().resolve()
        if folder not in met:
            met.add(folder)
            waiting += [path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."]
    return {str(path) for folder in met for path in folder.glob("*.png")}


@pytest.mark.parametrize("seed", range(60))
def test_every_image_once(tmp_path, seed):
    plant(tmp_path, seed)
    expected = reachable(tmp_path / "photos")
    for given in (tmp_path / "photos", f"{tmp_path}/photos/**/*.png", f"{tmp_path}/photos/**"):
        found = [os.path.realpath(entry.source) for entry in open_inputs(given).entries()]
        assert len(found) == len(set(found))
        assert set(found) == expected


def test_what_is_passed_over(tmp_path):
    for name in ("a/b", "out/c"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "a" / "own.png").touch()
    (tmp_path / "a" / "link.png").symlink_to("own.png")
    (tmp_path / "a" / "later").symlink_to("../out")
    left_out = Counter()
    own = frozenset([tmp_path / "out", tmp_path / "a" / "own.png"])
    found = list(folders(tmp_path, left_out=left_out, own=own))
    assert [folder.path for folder in found] == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    assert [file for folder in found for file in folder.files] == []
    assert not left_out


def test_a_folder_that_goes_away(tmp_path):
    assert list(folders(Path(tmp_path), left_out=Counter()))
    (tmp_path / "a").mkdir()
    walk = folders(tmp_path, left_out=(left_out := Counter()))
    next(walk)
    (tmp_path / "a").rmdir()
    assert list(walk) == []
    assert left_out == {"unreadable (folder)": 1}
