import pytest

from modelscope_swinpan.data.yaml_file import read_yaml
from modelscope_swinpan.errors import ConfigError

BOMB = "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 60))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "has aliases"),
        ("a: [", "not a YAML file"),
        ("a: !!python/name:os.system x", "not a YAML file"),
        ("[" * 100_000, "lists within lists, 9 deep"),
        ("- a", "expected a list of names"),
        ("x" * (2**20 + 1), "expected a list of names"),
    ],
)
def test_a_wrong_file(text, message, tmp_path):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_yaml(tmp_path / "a.yaml", "a list of names", ConfigError)


def test_a_missing_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_yaml(tmp_path / "a.yaml", "a list of names", ConfigError)


def test_names_are_texts_as_they_are_written(tmp_path):
    (tmp_path / "a.yaml").write_text("no: [on, 010, 0x10, 1:30, 2024-01-01, 1e3, True, .5, =]\n0: 12\n-1: ~\n")
    found = read_yaml(tmp_path / "a.yaml", "", ConfigError)
    written = ["on", "010", "0x10", "1:30", "2024-01-01", "1e3", "True", ".5", "="]
    assert found == {"no": written, 0: 12, -1: None}
