"""The English and the Chinese documents say the same.

Each page is there in both languages, with the same blocks in the same order. Blocks that belong together hold the same
figures, code, images and links. Whatever other tests find out about the English commands, options and messages so holds
for the Chinese ones.
"""

import re
from collections import Counter
from decimal import Decimal
from difflib import SequenceMatcher
from functools import cache

import pytest

from tests.conftest import ROOT
from tests.documents import Document

README, CHINESE_README = "README.md", "README.zh-CN.md"
PAGES, CHINESE_PAGES = (
    sorted(file.relative_to(folder).as_posix() for kind in ("*.md", "notebooks/*.ipynb") for file in folder.glob(kind))
    for folder in (ROOT / "docs", ROOT / "docs" / "zh")
)
BOTH = [name for name in PAGES if name in CHINESE_PAGES]
PAIRS = {README: CHINESE_README, **{f"docs/{name}": f"docs/zh/{name}" for name in BOTH}}
ENGLISH = {chinese: english for english, chinese in PAIRS.items()}
FIGURE = re.compile(r"(\d+(?:,\d{3})*(?:\.\d+)?)(?:[ -]?(million|mega(?=pixel)|万|亿))?")
SCALES = {"million": 10**6, "mega": 10**6, "万": 10**4, "亿": 10**8, "": 1}
HAN = r"[\u4e00-\u9fff]"
SLIPS = {
    "no space between Chinese and other words": rf"{HAN}[A-Za-z0-9`]|[A-Za-z0-9`%]{HAN}",
    "a narrow mark after Chinese": rf"{HAN} ?[,;:?!.](?!\w)",
    "narrow brackets around Chinese": rf"\((?=[^()]*{HAN})",
    "a space beside a wide mark": r" [，。：；？！、（）“”]|[，。：；？！、（）“] ",
    "a line that ends within a sentence, where browsers put a space": rf"[，、]\n|{HAN}\n{HAN}",
    "not translated": rf"^(?!.*{HAN})(?:.* )?[A-Za-z']+ [a-z]+ [a-z]+ [a-z]+ ",
    "Markdown that was not understood": r"\*\*|\]\(",
}


@cache
def document(name):
    return Document(ROOT, name)


def figures(words):
    """The numbers of a text and how often each occurs; ``216 million`` and ``2.16 亿`` are the same."""
    shown = re.sub(r"`[^`]*`", " ", words)
    return Counter(Decimal(number.replace(",", "")) * SCALES[scale] for number, scale in FIGURE.findall(shown))


def place(target):
    """A link's target in English, a heading by its number."""
    page, _, anchor = target.partition("#")
    where = f"heading {document(page).anchors.index(anchor) + 1}" if anchor and page.endswith(".md") else anchor
    return ENGLISH.get(page, page), where


def parts(block):
    """What has to be equal, by what a person would call it."""
    return {
        "figures": {f"{number.normalize():f}": count for number, count in sorted(figures(block.words).items())},
        "code": sorted(set(block.codes)),
        "code block": block.code,
        "images": block.images,
        "links": sorted(place(link) for link in block.links),
    }


def shown(page, blocks):
    """Blocks as lines with their place."""
    return [f"  {page.name}:{block.line} {block.kind} {block.words[:60]!r}" for block in blocks]


def differences(english, chinese):
    """Lines that name the places of what differs."""
    marks = [[(block.kind, frozenset(block.codes)) for block in page.blocks] for page in (english, chinese)]
    for _, start, end, other_start, other_end in SequenceMatcher(None, *marks, autojunk=False).get_opcodes():
        ones, others = english.blocks[start:end], chinese.blocks[other_start:other_end]
        if [block.kind for block in ones] != [block.kind for block in others]:
            yield "\n".join(["blocks:", *shown(english, ones), *shown(chinese, others)])
            continue
        for one, other in zip(ones, others, strict=True):
            ours, theirs = parts(one), parts(other)
            for name in ours:
                if ours[name] != theirs[name]:
                    here, there = f"{english.name}:{one.line}", f"{chinese.name}:{other.line}"
                    yield f"{name}:\n  {here} {ours[name]}\n  {there} {theirs[name]}"


def test_every_page_is_there_in_both_languages():
    assert PAGES == CHINESE_PAGES


def test_the_readmes_lead_to_each_other():
    assert CHINESE_README in document(README).blocks[1].links
    assert README in document(CHINESE_README).blocks[1].links


@pytest.mark.parametrize("name", PAIRS)
def test_both_say_the_same(name):
    if found := "\n".join(differences(document(name), document(PAIRS[name]))):
        pytest.fail(found, pytrace=False)


@pytest.mark.parametrize("name", ENGLISH)
def test_readers_of_chinese_stay_with_chinese(name):
    links = [link.partition("#")[0] for block in document(name).blocks[2:] for link in block.links]
    assert [link for link in links if link in PAIRS] == []


@pytest.mark.parametrize("name", ENGLISH)
def test_the_typesetting(name):
    for block in document(name).blocks:
        shown = re.sub(r"`[^`]*`", "`x`", block.words)
        for slip, pattern in SLIPS.items():
            found = re.search(f".{{0,9}}(?:{pattern}).{{0,9}}", shown)
            assert not found, f"{name}:{block.line}: {slip}: {found[0]}"
