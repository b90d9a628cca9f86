import ast
import dataclasses
import re

import pytest

from modelscope_swinpan.card.content import Card
from modelscope_swinpan.card.figures import read_report
from modelscope_swinpan.card.front_matter import EXAMPLE_URL
from modelscope_swinpan.card.render import render
from modelscope_swinpan.categories import Category
from modelscope_swinpan.checkpoints.inspection import inspect_checkpoint
from modelscope_swinpan.models.backbones.resnet import ResNetConfig
from tests.card.conftest import TOLD


@pytest.fixture(scope="module")
def rendered(evaluated):
    model = inspect_checkpoint(evaluated / "model")

    def make(config=None, **changes):
        described = dataclasses.replace(model, config=dataclasses.replace(model.config, **(config or {})))
        given = {**TOLD, "languages": ("zh", "en"), "model": described, "report": None, "examples": ()}
        return render(Card(**given | changes))

    return make


def python_blocks(text):
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("languages", [("zh", "en"), ("en", "zh"), ("zh",), ("en",)])
def test_every_language_has_both_snippets_and_the_first_the_quick_start(rendered, languages):
    text = rendered(languages=languages)
    assert text.count("# strips\n") == len(languages)
    assert [("MsDataset" in block) for block in python_blocks(text)] == [False, True] * len(languages)
    quick_start = text.index("\n#### 代码范例\n")
    assert text.index("```python") > quick_start
    for block in python_blocks(text):
        assert ast.parse(block).body[0].names[0].name == "modelscope_swinpan"
        assert "model='me/strips')" in block
    for told in ("pip install modelscope_swinpan", "MIT License", "Strips, painted by *nobody*.", "person, bicycle"):
        assert text.count(told) >= len(languages)
    assert "{{" not in text
    assert "{%" not in text


def test_figures_are_the_reports(rendered, evaluated):
    report = read_report(evaluated / "report.json")
    text = rendered(report=report)
    assert text.count(report.table()) == 2
    assert "2 images of `data/panoptic.json`" in text
    assert "no figures" not in text
    assert not re.search(r"\| 100\.0", rendered())
    assert "so there are no figures" in rendered()
    assert "没有数值" in rendered()


def test_what_the_snippet_runs_on(rendered):
    assert f"input_image = '{EXAMPLE_URL}'" in rendered()
    text = rendered(examples=("examples/it's.png",))
    assert """input_image = segmentor.model.model_dir + "/examples/it's.png\"""" in text
    assert all(ast.parse(block) for block in python_blocks(text))


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"task": "instance"}, ("实例分割", "Instance segmentation")),
        ({"task": "semantic"}, ("语义分割", "Semantic segmentation")),
        ({"backbone": ResNetConfig()}, ("ResNet-50", "Deep Residual Learning")),
        ({"categories": (Category(1, "a_b|`c` *", True, (0, 0, 0)),)}, (r"a\_b\|\`c\` \*", "stuff (0 classes")),
    ],
)
def test_other_models(rendered, config, told):
    assert all(words in rendered(config) for words in told)
