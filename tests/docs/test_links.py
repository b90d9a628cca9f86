"""Links and images of the documents hold on GitHub, too: to files of the repository, with GitHub's anchors."""

import re
from functools import cache

import pytest

from tests.conftest import ROOT
from tests.documents import Document

FILES = [*ROOT.glob("*.md"), *(file for kind in ("*.md", "*.ipynb") for file in (ROOT / "docs").rglob(kind))]
DOCUMENTS = sorted(file.relative_to(ROOT).as_posix() for file in FILES)


@cache
def document(name):
    return Document(ROOT, name)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    for block in document(name).blocks:
        for target in (*block.links, *block.images):
            page, _, anchor = target.partition("#")
            if not re.match(r"[a-z]+:", target):
                assert (ROOT / page).exists(), f"{name}:{block.line}: {target}"
                assert not anchor or anchor in document(page).anchors, f"{name}:{block.line}: {target}"


def test_a_notebook_is_read():
    links = [link for block in document("docs/notebooks/own-classes.ipynb").blocks for link in block.links]
    assert "docs/notebooks/evaluation-report.ipynb" in links


def test_anchors(tmp_path):
    (tmp_path / "page.md").write_text(
        "# What `--check` looks at\n```\n# no heading\n```\n## 安装（离线）\n## [A link](x.md)'s\n## A links\n"
    )
    assert Document(tmp_path, "page.md").anchors == ["what---check-looks-at", "安装离线", "a-links", "a-links-1"]
