"""The tutorial with the real Label Studio: what comes out of it is what the tests take in its place elsewhere."""

import json

import pytest

from benchmarks import tutorial
from modelscope_swinpan.coco.reader import CocoPanoptic
from tests.benchmarks.test_tutorial import here
from tests.data.drawings import imported, regions

pytestmark = pytest.mark.labelstudio


def test_the_tutorial(server, tmp_path, monkeypatch):
    def by_hand():
        project = server.project(tmp_path / "found", tmp_path / "photos")
        scenes = CocoPanoptic.open(tmp_path / "scenes")
        for task in server.tasks(project):
            server.annotate(task, tutorial.corrected(task, task["predictions"][0]["result"], scenes))
        (tmp_path / "export.json").write_text(json.dumps(server.export(project)))

    numbers = {tutorial.COUNT: "--count 6", tutorial.STEPS: "steps=1"}
    tutorial.run_tutorial(tmp_path, here(tmp_path, monkeypatch), numbers, by_hand)
    assert (tmp_path / "after" / "report.html").is_file()
    data = CocoPanoptic.open(tmp_path / "data")
    tutorial.correct(tmp_path)
    things = tuple(one.name for one in data.categories if one.isthing)
    stand_in, _ = imported(tmp_path / "export.json", tmp_path / "in", images=tmp_path / "photos", things=things)
    assert len(data) == len(stand_in) == 6
    assert [regions(data, index) for index in range(6)] == [regions(stand_in, index) for index in range(6)]
