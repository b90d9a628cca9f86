import pytest

from modelscope_swinpan.card.hub_id import check_hub_id, is_hub_id
from modelscope_swinpan.errors import ConfigError


@pytest.mark.parametrize("name", ["me/strips", "damo/cv_swinL_panoptic-segmentation_cocopan", "a-b/c.1"])
def test_ids(name):
    check_hub_id(name)


@pytest.mark.parametrize("name", ["", "strips", "a/b/c", "../b", "a/..", "a/b'); print('", "a/b\n", "我/模型"])
def test_what_is_none(name):
    with pytest.raises(ConfigError, match="OWNER/NAME"):
        check_hub_id(name)


def test_a_folder_here_is_no_id(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_hub_id("me/strips")
    assert not is_hub_id("strips")
    assert not is_hub_id(None)
    (tmp_path / "me" / "strips").mkdir(parents=True)
    assert not is_hub_id("me/strips")
