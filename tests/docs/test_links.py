"""Links between the documents hold on GitHub, too: to files of the repository, with GitHub's anchors."""

import re
from urllib.parse import unquote

import pytest

from tests.conftest import ROOT
from tests.test_documented_commands import BLOCK

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *#*$", re.MULTILINE)


def anchors(text):
    """Those that GitHub gives to the headings: lower case, no punctuation, hyphens for blanks."""
    found = []
    for heading in HEADING.findall(BLOCK.sub("", text)):
        words = LINK.sub("]", heading).replace("[", "").replace("]", "")
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
    return found


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(file):
    text = BLOCK.sub("", file.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        path, _, anchor = unquote(link).partition("#")
        if ":" in path:
            continue
        target = (file.parent / path).resolve() if path else file
        if file.is_relative_to(ROOT / "docs" / "zh") and not target.exists():
            target = ROOT / "docs" / target.name  # not translated yet: the site leads to the English page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_anchors():
    text = "# What `--check` looks at\n```\n# no heading\n```\n## 安装（离线）\n## [A link](x.md)'s\n## A links\n"
    assert anchors(text) == ["what---check-looks-at", "安装离线", "a-links", "a-links-1"]
