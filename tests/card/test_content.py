import pytest

from modelscope_swinpan.card.content import Card, find_examples
from modelscope_swinpan.checkpoints.inspection import inspect_checkpoint
from modelscope_swinpan.errors import ConfigError
from tests.card.conftest import TOLD


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "strips"}, "OWNER/NAME"),
        ({"license": " "}, "license must not be empty"),
        ({"training_data": ""}, "training_data must not be empty"),
        ({"languages": ()}, "languages must be one or more of zh, en; got none"),
        ({"languages": ("zh", "de")}, "got zh, de"),
        ({"languages": ("zh", "zh")}, "got zh, zh"),
    ],
)
def test_mistakes(evaluated, changes, message):
    model = inspect_checkpoint(evaluated / "model")
    given = {**TOLD, "languages": ("en",), "model": model, "report": None, "examples": ()}
    Card(**given)
    with pytest.raises(ConfigError, match=message):
        Card(**given | changes)


def test_examples_are_pictures_by_name(tmp_path):
    assert find_examples(tmp_path) == ()
    folder = tmp_path / "examples"
    folder.mkdir()
    for name in ("b.png", "a.JPG", "notes.txt"):
        (folder / name).touch()
    assert find_examples(tmp_path) == ("examples/a.JPG", "examples/b.png")
