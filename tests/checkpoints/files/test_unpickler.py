"""The pickle reader against Python's own, and its bounds."""

import pickle
import pickletools
from collections import OrderedDict

import pytest

from modelscope_swinpan.checkpoints.files import unpickler
from modelscope_swinpan.checkpoints.files.unpickler import ForbiddenError, Maker, Skipped, Unbuilt, Unpickler

PLAIN = [
    None,
    True,
    [1, -1, 255, 65535, -(2**31), 2**63, -(2**200), 2**3000],
    [0.5, float("inf"), -1e300],
    ["", "text", "größer", "\ud800", "x" * 300, "y" * 70_000],
    [b"", b"bytes", b"z" * 300],
    [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    {"a": {1: [None], "b": {}}, b"c": True, None: 0, False: 1},
]


def read(data, known=(), stored=None):
    return Unpickler(memoryview(data), dict(known), stored).load()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("value", PLAIN, ids=str)
def test_plain_values(value, protocol):
    of_bytes = {"_codecs.encode": Maker(lambda text, _: text.encode("latin-1")), "__builtin__.bytes": Maker(bytes)}
    assert read(pickle.dumps(value, protocol), of_bytes) == value


def test_sets():
    value = [{1, 2, "a"}, frozenset({3}), set()]
    assert read(pickle.dumps(value, 4)) == value


def test_one_object_in_two_places():
    inner = ["inner"]
    first, second = read(pickle.dumps([inner, inner], 4))
    assert first is second


def test_a_list_in_itself():
    value = []
    value.append(value)
    found = read(pickle.dumps(value, 2))
    assert found[0] is found


def test_several_in_a_row():
    reader = Unpickler(memoryview(pickle.dumps(1, 2) + pickle.dumps([2], 4)), {})
    assert [reader.load(), reader.load()] == [1, [2]]
    with pytest.raises(EOFError):
        reader.load()


def test_long_bytes_stay_where_they_are():
    data = bytearray(pickle.dumps(b"x" * 10_000, 4))
    found = read(data)
    assert isinstance(found, memoryview)
    data[-100] = ord("y")
    assert found.tobytes().count(b"y") == 1


def point():
    return Unbuilt(lambda state: tuple(state.values()))


class Stateful:
    def __init__(self):
        self.x, self.y = 1, 2


def test_stand_ins_with_a_state():
    one = Stateful()
    first, second = read(pickle.dumps([one, one], 2), {f"{__name__}.Stateful": Maker(point)})
    assert first is second
    assert first == (1, 2)


class Filled(dict):
    """With entries and a state, both pickled by instructions of their own."""


def test_what_is_skipped():
    one = Filled(a=Stateful())
    one.extra = [1]
    for protocol in (2, 4):
        data = pickle.dumps({"kept": 1, "one": one, "again": one, "class": Filled, one.__class__: 2}, protocol)
        found = Unpickler(memoryview(data), {}, skips=lambda name: name.startswith(__name__)).load()
        assert found["kept"] == 1
        assert isinstance(found["one"], Skipped)
        assert found["one"] is found["again"]
        assert found["one"].name == f"{__name__}.Filled"
        assert found["class"].name == f"{__name__}.Filled"
        with pytest.raises(ForbiddenError, match="Filled"):
            Unpickler(memoryview(data), {}).load()


@pytest.mark.parametrize(("name", "shown"), [("Größe", "Gr??e"), (r"Gr\x6fup", "Gr?x6fup")])
def test_names_of_other_letters_are_skipped_too(name, shown):
    data = b"\x80\x03cproject\n" + name.encode() + b"\n."
    assert Unpickler(memoryview(data), {}, skips=lambda name: True).load().name == f"project.{shown}"


def test_the_state_of_a_dict_is_left_out():
    value = OrderedDict(a=1)
    value._metadata = {"version": 1}
    assert read(pickle.dumps(value, 2), {"collections.OrderedDict": Maker(dict)}) == {"a": 1}


def test_outside_data():
    data = b"\x80\x02X\x03\x00\x00\x00keyQ."
    assert read(data, stored=lambda reference: f"<{reference}>") == "<key>"
    with pytest.raises(ForbiddenError, match="outside data"):
        read(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pickle.dumps(print, 2), r"builtin.*\.print"),
        (pickle.dumps(print, 4), r"builtins\.print"),
        (b"cos\nsystem\n(S'true'\ntR.", r"os\.system"),
        (b"\x80\x04K\x01K\x02\x93.", "no name"),
        (b"\x80\x02K\x01)R.", "calling what is no function"),
        (b"\x80\x02cknown\nvalue\n)R.", "calling what is no function"),
        (b"\x80\x02cknown\nmaker\n]R.", "calling what is no function"),
        (b"\x80\x02]}b.", "the state of a list"),
        (b"\x80\x02cknown\nmaker\n}b.", "the state of a Maker"),
        (b"\x80\x02}K\x01a.", "filling a dict as if it were a list"),
        (b"\x80\x02]K\x01K\x02s.", "filling a list as if it were a dict"),
        (b"\x80\x04](K\x01\x90.", "filling a list as if it were a set"),
    ],
)
def test_forbidden(data, message):
    with pytest.raises(ForbiddenError, match=message):
        read(data, {"known.value": 1, "known.maker": Maker(list)})


TEXT_ONLY = [b"S'true'\n.", b"I1\n.", b"(i__main__\nA\n.", b"V text\n."]


@pytest.mark.parametrize(
    "data",
    [
        *TEXT_ONLY,
        b"",
        b"\x80\x02",
        b"\x80\x02.",
        b"\x80\x02K",
        b"\x80\x02\x85.",
        b"\x80\x02h\x00.",
        b"\x80\x02t.",
        b"\x80\x02(K\x01}",
        b"\x80\x02(}K\x01u.",
        b"\x80\x02cos",
        b"\x80\x02c" + b"x" * 1000 + b"\n.",
        b"\x80\x02\x8a\xff.",
        b"\x80\x02X\xff\xff\xff\xff.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"\x80\x02X\x01\x00\x00\x00\xff.",
        b"\x80\x02}](K\x01es.",
        b"\x80\x02\x82\x01.",
        b"\x80\x05\x97.",
    ],
    ids=repr,
)
def test_damaged(data):
    with pytest.raises((EOFError, IndexError, KeyError, ValueError, pickle.UnpicklingError)):
        read(data)


@pytest.mark.parametrize("key", [b"]", b"}", b"K\x01\x85", b"G" + b"\x00" * 8, b"\x8a\x09" + b"\x01" * 9])
def test_keys_that_could_take_for_ever(key):
    """Something else takes their place."""
    for data in (b"\x80\x02}" + key + b"Ns.", b"\x80\x02\x8f(" + key + b"\x90."):
        (found,) = read(data)
        assert isinstance(found, Skipped)
        assert found.name.endswith("as a key")


def test_too_many_instructions(monkeypatch):
    monkeypatch.setattr(unpickler, "MAX_INSTRUCTIONS", 100)
    with pytest.raises(pickle.UnpicklingError, match="more than 100 instructions"):
        read(b"\x80\x02" + b"N0" * 100 + b"N.")


def test_copies_are_counted():
    """A megabyte, copied by two bytes of instructions each time."""
    bomb = (
        b"\x80\x02" + pickle.dumps("x" * 2**20, 2)[2:-1] + b"q\x01\x85q\x020" + b"cknown\nmaker\nh\x02R0" * 100 + b"N."
    )
    copies = []
    with pytest.raises(pickle.UnpicklingError, match="calls copy more"):
        read(bomb, {"known.maker": Maker(lambda text: copies.append(text))})
    assert len(copies) < 10


def test_every_instruction_is_one_of_pickles():
    known = {opcode.name: opcode for opcode in pickletools.opcodes}
    values = {name for name in known if name.startswith(unpickler.VALUES)}
    assert len(values) == 15
    for name in values.union(unpickler.INSTRUCTIONS):
        assert known[name].proto >= 1 or known[name].code in "ac.0(NsRbt", name
