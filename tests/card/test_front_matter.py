import pytest
import yaml

from modelscope_swinpan.card.content import Card
from modelscope_swinpan.card.figures import read_report
from modelscope_swinpan.card.front_matter import EXAMPLE_URL, front_matter, indexing, join, split
from modelscope_swinpan.checkpoints.inspection import inspect_checkpoint
from modelscope_swinpan.errors import ConfigError
from tests.card.conftest import TOLD


@pytest.fixture(scope="module")
def card(evaluated):
    report = read_report(evaluated / "report.json")
    model = inspect_checkpoint(evaluated / "model")
    return lambda **changes: Card(
        **{**TOLD, "languages": ("zh", "en"), "model": model, "report": report, "examples": (), **changes}
    )


def test_what_the_hub_reads(card):
    head = front_matter(card())
    assert (head["tasks"], head["license"], head["language"]) == (["image-segmentation"], "MIT License", ["zh", "en"])
    assert (head["domain"], head["frameworks"], head["backbone"]) == (["cv"], ["pytorch"], ["swin"])
    assert head["datasets"] == {"train": ["Strips, painted by *nobody*."]}
    assert head["metrics"][0] == "PQ"
    (result,) = head["indexing"]["results"]
    assert result["dataset"] == {"name": "data/panoptic.json", "type": "COCO panoptic", "args": "2 images"}
    assert result["metrics"][0] == {"type": "PQ", "value": 100.0, "description": "%"}
    assert head["indexing"] == indexing(card().report)


def test_no_figures_without_a_report(card):
    assert not {"metrics", "indexing"} & set(front_matter(card(report=None)))


@pytest.mark.parametrize(
    ("examples", "pictures"),
    [((), [EXAMPLE_URL]), (("examples/a.png", "examples/b.png"), ["git://examples/a.png", "git://examples/b.png"])],
)
def test_examples(card, examples, pictures):
    (widget,) = front_matter(card(examples=examples))["widgets"]
    assert [example["inputs"][0]["data"] for example in widget["examples"]] == pictures
    assert widget["inputs"][0]["type"] == "image"


def test_head_and_body_come_apart_again(card):
    head = front_matter(card(training_data="a: b\n- c # 数据 '''", license="no"))
    text = join(head, "# Body\n---\nmore\n")
    assert split(text) == (head, "\n# Body\n---\nmore\n")
    assert "数据" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no head"),
        ("# Title\n", "has no head"),
        ("---\ntasks: []\n", "has no head"),
        ("---\na: [\n---\n", "is no YAML"),
        ("---\na: !!python/object/apply:os.system ['true']\n---\n", "is no YAML"),
        ("---\na: &a [x]\nb: [*a, *a]\n---\n", "has YAML aliases"),
        ("---\n- a\n---\n", "found list"),
        ("---\n---\n", "found NoneType"),
    ],
)
def test_heads_that_are_none(text, message):
    with pytest.raises(ConfigError, match=message):
        split(text)


def test_yaml_is_what_others_read_too(card):
    text = join(front_matter(card()), "")
    assert yaml.safe_load(text.split("---\n")[1]) == front_matter(card())
