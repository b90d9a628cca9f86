import re

import pytest

from modelscope_swinpan.card.check_readme import check_body, check_head
from modelscope_swinpan.card.figures import read_report
from modelscope_swinpan.card.front_matter import split


@pytest.fixture
def report(carded):
    return read_report(carded / "evaluation.json")


@pytest.fixture
def parts(carded):
    return split((carded / "README.md").read_text(encoding="utf-8"))


def test_our_own_is_fine(parts, carded, report):
    head, body = parts
    assert list(check_head(head, carded, report)) == []
    assert list(check_body(body, report, "me/strips")) == []
    assert list(check_body(body, report, None)) == []


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("tasks", None, "tasks in its head must be a list, not empty; found None"),
        ("tasks", "image-segmentation", "tasks in its head must be a list"),
        ("tasks", ["image-to-text"], "tasks in its head lacks 'image-segmentation'"),
        ("license", "", "license in its head must be a text"),
        ("license", False, "license in its head must be a text, not empty; found False"),
        ("tags", "x", "tags in its head must be a list"),
        ("widgets", [], "widgets in its head must be a list"),
        ("widgets", ["x"], "widget 1 in its head must be a mapping with task: image-segmentation"),
        ("widgets", [{"task": "image-segmentation"}], "widget 1 in its head has no example"),
        ("indexing", None, "indexing in its head is not what evaluation.json says (PQ None for 100.0"),
    ],
)
def test_heads(parts, carded, report, key, value, message):
    head = {**parts[0], key: value}
    if value is None:
        del head[key]
    assert any(str(problem).startswith(f"README.md: {message}") for problem in check_head(head, carded, report))


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (3, "must be an address"),
        ("examples/a.png", "must be an https address, or git://"),
        ("git://../a.png", "must be an https address, or git://"),
        ("file:///etc/passwd", "must be an https address, or git://"),
        ("git://examples/a.png", "no such file"),
        ("git://README.md", "cannot be shown"),
        ("https://example.com/a.png", None),
    ],
)
def test_examples_of_widgets(parts, carded, report, picture, message):
    (widget,) = parts[0]["widgets"]
    example = {"name": 1, "inputs": [{"name": "image", "data": picture}]}
    head = {**parts[0], "widgets": [{**widget, "examples": [example]}]}
    found = [str(problem) for problem in check_head(head, carded, report)]
    assert found == [] if message is None else message in found[0]


def test_figures_are_the_reports_or_none(parts, carded, report):
    head, body = parts
    metrics = head["indexing"]["results"][0]["metrics"]
    metrics[0]["value"] = 57.6
    (problem,) = check_head(head, carded, report)
    assert "(PQ 57.6 for 100.0)" in str(problem)
    metrics[0]["value"] = 100.0
    head["indexing"]["results"][0]["dataset"]["name"] = "val2017"
    (problem,) = check_head(head, carded, report)
    assert "another dataset" in str(problem)
    (problem,) = check_head(head, carded, None)
    assert "there is no evaluation.json" in str(problem)
    (problem,) = check_body(body.replace("| 100.0", "| 100.1"), report, None)
    assert "has not the tables" in str(problem)


@pytest.mark.parametrize(
    ("pattern", "new", "message"),
    [
        ("#### 代码范例\n", "#### Code\n", "has no ```python block under '#### 代码范例'"),
        ("#### 代码范例\n\n```python", "#### 代码范例\n\n## More\n\n```python", "has no ```python block under"),
        ("import modelscope_swinpan\n", "", "its quick start lacks the line 'import modelscope_swinpan'"),
        ("segmentor = pipeline", "segmentor = = pipeline", "Python block 1 is no Python (invalid syntax"),
        ("model='me/strips'", "model='you/strips'", "its quick start loads 'you/strips', not 'me/strips'"),
        ("model='me/strips'", "model=NAME", "its quick start loads no model, not 'me/strips'"),
        ("pip install modelscope_swinpan", "pip install it", "does not say that the model needs a plugin"),
    ],
)
def test_bodies(parts, report, pattern, new, message):
    count = 0 if pattern.startswith("pip") else 1
    body = re.sub(re.escape(pattern), new, parts[1], count=count)
    (problem,) = check_body(body, report, "me/strips")
    assert str(problem).startswith(f"README.md: {message}")
