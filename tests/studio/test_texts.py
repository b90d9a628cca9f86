"""What the page says, in each language."""

import re
from pathlib import Path

import pytest

from modelscope_swinpan import studio
from modelscope_swinpan.studio.texts import KEYS, LANGUAGES, PHRASES, both, i18n, texts_for

ENGLISH, CHINESE = LANGUAGES["en"], LANGUAGES["zh"]

CODE = "".join(
    file.read_text(encoding="utf-8")
    for file in Path(studio.__file__).parent.iterdir()
    if file.suffix in (".py", ".js") and file.name != "texts.py"
)


@pytest.mark.parametrize("name", ENGLISH)
def test_a_text_has_the_same_values_in_both_languages_and_is_used(name):
    places = [re.findall(r"{\w+}", texts[name]) for texts in LANGUAGES.values()]
    assert sorted(places[0]) == sorted(places[1])
    assert name in {*KEYS, *PHRASES.values()} or re.search(rf"\b{name}\b", CODE)


def test_gradio_has_them_for_every_chinese():
    tables = i18n().translations_dict
    assert tables["zh"] == tables["zh-CN"] == tables["zh-TW"]
    assert tables["en"].keys() == tables["zh"].keys()
    assert tables["zh"]["upload_text.drop_file"] == CHINESE["drop"]


@pytest.mark.parametrize(
    ("asked", "texts"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", CHINESE),
        ("zh", CHINESE),
        ("ZH-hk", CHINESE),
        ("en-GB,zh;q=0.5", ENGLISH),
        ("de", ENGLISH),
        ("", ENGLISH),
    ],
)
def test_a_browser_gets_the_language_it_asks_for_first(asked, texts):
    assert texts_for({"accept-language": asked}) is texts


def test_both_at_a_time():
    assert both("classes", count=4) == (
        '<span lang="en">The 4 classes of this model</span><span lang="zh">本模型的 4 个类别</span>'
    )
