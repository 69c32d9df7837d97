"""State dicts of PyTorch, read without it: files it wrote itself, damaged ones, and pickles that would run code."""

import io
import os
import pickle
import re
import struct
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bert_ladder.encoders.torch_files import LEGACY_MAGIC, LEGACY_PROTOCOL, read_torch_file
from bert_ladder.runtime.jobs import BadInput
from damage import damaged

PROJECT = Path(__file__).parents[3]
FORMATS = ("zip", "legacy")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that PyTorch wrote (bench/encoder_equality)."""
    folder = tmp_path_factory.mktemp("torch")
    with tarfile.open(PROJECT / "tests" / "fixtures" / "encoders" / "hugging_face.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.mark.parametrize("form", FORMATS)
def test_every_type_and_layout(written: Path, form: str) -> None:
    """What PyTorch saved comes back in value, shape and type; only bfloat16, which NumPy lacks, becomes float32."""
    tensors = read_torch_file(written / f"types_{form}.bin")
    expected = np.load(written / "types.npz")
    assert set(tensors) == set(expected.files)
    for name, array in tensors.items():
        assert array.dtype == expected[name].dtype
        np.testing.assert_array_equal(array, expected[name])


def test_both_formats_hold_the_same(written: Path) -> None:
    """A state dict is the same in today's format and in the older one."""
    one, other = (read_torch_file(written / f"large_{form}.bin") for form in FORMATS)
    assert list(one) == list(other)
    assert all(np.array_equal(one[name], other[name]) for name in one)


class Call:
    """Pickled as a call."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        """The call."""
        return self.call


def zip_file(path: Path, pickled: bytes, **members: bytes) -> Path:
    """A file in today's format."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, content in members.items():
            archive.writestr(f"archive/data/{name.removeprefix('_')}", content)
    return path


def legacy_file(path: Path, *values: bytes) -> Path:
    """A file in the older format: its first three pickles, and what follows."""
    head = (LEGACY_MAGIC, LEGACY_PROTOCOL, {"little_endian": True})
    path.write_bytes(b"".join(pickle.dumps(value, 2) for value in head) + b"".join(values))
    return path


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("form", [*FORMATS, "first"])
def test_a_pickle_that_would_run_code_is_refused_by_name(tmp_path: Path, form: str, protocol: int) -> None:
    """The command is not run, and the sentence names what was asked for."""
    traces = tmp_path / "it ran"
    pickled = pickle.dumps({"weight": Call(os.system, f"touch '{traces}'")}, protocol)
    path = tmp_path / "pytorch_model.bin"
    if form == "first":
        path.write_bytes(pickled)
    else:
        zip_file(path, pickled) if form == "zip" else legacy_file(path, pickled)
    with pytest.raises(BadInput, match=r"pytorch_model\.bin: its pickle names posix\.system.* nothing of it was run"):
        read_torch_file(path)
    assert not traces.exists()


@pytest.mark.parametrize(
    "function", [eval, getattr, os.popen, pickle.loads, io.open, struct.unpack, zipfile.ZipFile, re.compile]
)
def test_no_other_name_is_let_in(tmp_path: Path, function: object) -> None:
    """Neither Python's own functions nor those of a library that is at hand."""
    with pytest.raises(BadInput, match=r"its pickle names .* could run code"):
        read_torch_file(zip_file(tmp_path / "m.bin", pickle.dumps(Call(function, "1"), 2)))


def pickled_tensor(size: tuple, stride: tuple, offset: int = 0, numel: int = 4, state: bytes = b"") -> bytes:
    """A state dict with one tensor, written by hand so that it may be impossible; `state` is put on the tensor."""

    def number(value: int) -> bytes:
        return b"I%d\n" % value

    def numbers(values: tuple) -> bytes:
        return b"(" + b"".join(number(value) for value in values) + b"t"

    storage = b"(Vstorage\nctorch\nFloatStorage\nV0\nVcpu\n" + number(numel) + b"tQ"
    arguments = b"(" + storage + number(offset) + numbers(size) + numbers(stride) + b"I00\n" + b"Nt"
    return b"}Vweight\nctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R" + state + b"s."


FOUR = np.arange(4, dtype="<f4").tobytes()


def test_a_tensor_written_by_hand_is_read(tmp_path: Path) -> None:
    """The next test's impossible tensors are impossible for one reason only."""
    path = zip_file(tmp_path / "m.bin", pickled_tensor((2, 2), (2, 1)), _0=FOUR)
    np.testing.assert_array_equal(read_torch_file(path)["weight"], [[0, 1], [2, 3]])


def test_the_dictionary_of_python_2_is_read(tmp_path: Path) -> None:
    """It is given its items at once, as lists, and its keys are bytes."""
    tensor = pickled_tensor((2, 2), (2, 1)).removeprefix(b"}Vweight\n").removesuffix(b"s.")
    pickled = b"ccollections\nOrderedDict\n(](](S'weight'\n" + tensor + b"eetR."
    path = zip_file(tmp_path / "m.bin", pickled, _0=FOUR)
    np.testing.assert_array_equal(read_torch_file(path)["weight"], [[0, 1], [2, 3]])


def test_items_given_again_and_again_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A remembered list costs a few bytes each time that a dictionary is made of it."""
    monkeypatch.setattr("bert_ladder.encoders.torch_files.MAX_ITEMS", 10)
    pickled = b"](](Va\nNe](Vb\nNe](Vc\nNe](Vd\nNeep1\n" + b"ccollections\nOrderedDict\n(g1\ntR" * 3 + b"."
    with pytest.raises(BadInput, match=r"\(a dictionary of too many items"):
        read_torch_file(zip_file(tmp_path / "m.bin", pickled))


@pytest.mark.parametrize(
    ("pickled", "storage"),
    [
        (pickled_tensor((2, 3), (3, 1)), FOUR),
        (pickled_tensor((2, 2), (2, 1), offset=1), FOUR),
        (pickled_tensor((2, 2), (2, 1), offset=-1), FOUR),
        (pickled_tensor((2, 2), (-2, 1)), FOUR),
        (pickled_tensor((-2, 2), (2, 1)), FOUR),
        (pickled_tensor((2,), (2, 1)), FOUR),
        (pickled_tensor((10**12,), (0,)), FOUR),
        (pickled_tensor((0,), (1,)), FOUR),
        (pickled_tensor((2, 2), (2, 1)), FOUR[:-1]),
        (pickled_tensor((2, 2), (2, 1), numel=10**15), FOUR),
        (pickled_tensor((2, 2), (2, 1), state=b"}Voffset\nI-99\nsb"), FOUR),
        (pickled_tensor((2, 2), (2, 1), state=b"(N}Voffset\nI-99\nstb"), FOUR),
        (pickle.dumps({"weight": 3}, 2), b""),
        (pickle.dumps({1: 3}, 2), b""),
        (pickle.dumps(OrderedDict(), 2), b""),
        (pickle.dumps([1, 2], 2), b""),
        (b"\x80\x02K\x01r\xff\xff\xff\xff.", b""),
        (b"ctorch\nFloatStorage\n(N}V__call__\nI1\nstb.", b""),
        (b"ccollections\nOrderedDict\n(N}Vname\nI1\nstb.", b""),
        (b"ctorch._utils\n_rebuild_parameter\n)R.", b""),
        (b"ccollections\nOrderedDict\n(](](I1\nI2\neetR.", b""),
        (b"}" + b"(" * 10 + b"t" * 10 + b"Ns.", b""),
        (b"", b""),
    ],
)
def test_impossible_tensors_are_refused(tmp_path: Path, pickled: bytes, storage: bytes) -> None:
    """A tensor cannot reach beyond its storage, reserve memory on the file's word or change the reader."""
    with pytest.raises(BadInput, match=r"m\.bin: is damaged or no state dict of PyTorch"):
        read_torch_file(zip_file(tmp_path / "m.bin", pickled, _0=storage))


def test_a_compressed_zip_is_refused(tmp_path: Path) -> None:
    """PyTorch never compresses, so that a file cannot hold more than its size."""
    with zipfile.ZipFile(tmp_path / "m.bin", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1000))
    with pytest.raises(BadInput, match=r"compressed members, which PyTorch does not write"):
        read_torch_file(tmp_path / "m.bin")


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_told_in_a_sentence(written: Path, tmp_path: Path, form: str, data: st.DataObject) -> None:
    """Whatever happened to its bytes, the file is read or refused; it never ends in another error."""
    path = tmp_path / "damaged.bin"
    path.write_bytes(data.draw(damaged((written / f"types_{form}.bin").read_bytes())))
    try:
        assert set(read_torch_file(path))
    except BadInput as error:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)
