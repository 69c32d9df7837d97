"""TF Hub handles: resolved by TF Hub itself from a server that answers as TF Hub does."""

import io
import os
import tarfile
from pathlib import Path

import pytest
import tensorflow as tf
import tensorflow_hub as hub

from bert_ladder.encoders.presets import preset_address
from bert_ladder.encoders.sources import fetch_source, remote_files
from bert_ladder.encoders.tfhub import resolve_handle
from bert_ladder.files.downloading import Unavailable, sha256_of
from bert_ladder.runtime.jobs import BadInput
from servers import QUICK, Server, cut_after, status, whole

PATH = "/tensorflow/small_bert/tiny/2"
QUERY = "?tf-hub-format=compressed"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A SavedModel as TF Hub packs it."""
    folder = tmp_path_factory.mktemp("model")
    module = tf.Module()
    module.weight = tf.Variable(2.0)
    module.double = tf.function(lambda x: module.weight * x, input_signature=[tf.TensorSpec([], tf.float32)])
    tf.saved_model.save(module, str(folder))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        file.add(folder, arcname=".")
    return buffer.getvalue()


def packed(*members: tuple[str, bytes, str]) -> bytes:
    """A tar.gz of (type, name, target of a link)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for kind, name, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            file.addfile(info)
    return buffer.getvalue()


def get(source: dict, folder: Path) -> Path:
    return fetch_source(source, folder / "downloads", folder / "unpacked", QUICK).folder


def test_handle_is_resolved(tmp_path: Path, server: Server, model: bytes) -> None:
    """TF Hub asks for the compressed form, follows the redirect to where it is kept, and the model runs."""
    stored = server.url("/storage/tiny/2.tar.gz", whole(model))
    server.url(PATH + QUERY, status(302, Location=stored))
    handle = f"http://127.0.0.1:{server.server_port}{PATH}"
    brought = fetch_source({"tfhub": handle}, tmp_path / "downloads", tmp_path / "unpacked", QUICK)
    assert (brought.kind, brought.preprocessing) == ("savedmodel", None)
    assert hub.load(str(brought.folder)).double(tf.constant(4.0)).numpy() == 8
    assert [path for path, _ in server.seen] == [PATH + QUERY, "/storage/tiny/2.tar.gz"]
    # What was announced is what TF Hub asked for.
    [file] = remote_files({"tfhub": handle})
    assert brought.files == {file.address: sha256_of(tmp_path / "downloads" / file.name)}
    assert file.name == "small_bert_tiny_2.tar.gz"


def test_resolved_as_tensorflow_hub_alone_does(
    tmp_path: Path, server: Server, model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same files as `hub.resolve` brings by itself."""
    handle = server.url(PATH + QUERY, whole(model)).removesuffix(QUERY)
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    theirs, ours = Path(hub.resolve(handle)), get({"tfhub": handle}, tmp_path)
    assert os.environ["TFHUB_CACHE_DIR"] == str(tmp_path / "cache")
    files = sorted(path.relative_to(theirs) for path in theirs.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(ours) for path in ours.rglob("*") if path.is_file())
    assert all((ours / file).read_bytes() == (theirs / file).read_bytes() for file in files)


def test_encoder_and_preprocessing(tmp_path: Path, server: Server, model: bytes) -> None:
    """Both are resolved, each with its archive, and a second fetch needs no network."""
    source = {
        "tfhub": server.url(PATH + QUERY, whole(model)).removesuffix(QUERY),
        "preprocessing": server.url(f"/tensorflow/preprocess/3{QUERY}", whole(model)).removesuffix(QUERY),
    }
    first = fetch_source(source, tmp_path / "downloads", tmp_path / "unpacked", QUICK)
    assert first.folder != first.preprocessing
    assert all((folder / "saved_model.pb").is_file() for folder in (first.folder, first.preprocessing))
    assert len(first.files) == 2
    assert fetch_source(source, tmp_path / "downloads", tmp_path / "unpacked", QUICK) == first
    assert len(server.seen) == 2


def test_half_written_cache_is_not_taken(
    tmp_path: Path, server: Server, model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TF Hub takes any folder in its cache for the model; neither the user's nor a killed job's is used."""
    handle = server.url(PATH + QUERY, whole(model)).removesuffix(QUERY)
    key = get({"tfhub": handle}, tmp_path / "first").name
    caches = [tmp_path / "users", tmp_path / "second/unpacked/encoder"]
    for cache in caches:
        (cache / key).mkdir(parents=True)
        (cache / key / "saved_model.pb").write_bytes(b"half")
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(caches[0]))
    assert Path(hub.resolve(handle)) == caches[0] / key
    assert (get({"tfhub": handle}, tmp_path / "second") / "saved_model.pb").read_bytes() != b"half"
    assert (get({"tfhub": handle}, tmp_path / "second") / "variables").is_dir()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (packed((tarfile.REGTYPE, "../evil", "")), "climbs out"),
        (packed((tarfile.REGTYPE, "/evil", "")), "absolute path"),
        (packed((tarfile.SYMTYPE, "saved_model.pb", "/etc/passwd")), "a link"),
        (packed((tarfile.FIFOTYPE, "saved_model.pb", "")), "neither a file nor a folder"),
        (b"<!doctype html><p>TF Hub has moved", "a web page, not an archive"),
    ],
    ids=["climbing", "absolute", "link", "device", "page"],
)
def test_archive_that_is_refused(tmp_path: Path, server: Server, content: bytes, reason: str) -> None:
    """What a handle gives is checked before TF Hub sees it, and nothing of it stays."""
    with pytest.raises(Unavailable, match=rf"small_bert_tiny_2\.tar\.gz: .*{reason}"):
        get({"tfhub": server.url(PATH + QUERY, whole(content)).removesuffix(QUERY)}, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_cut_archive(tmp_path: Path, server: Server, model: bytes) -> None:
    """An archive whose end is missing is no model, whether the server says so or not."""
    for answer in (whole(model[:-20]), cut_after(100, model)):
        with pytest.raises(Unavailable, match=r"cut or damaged|attempts"):
            get({"tfhub": server.url(PATH + QUERY, answer).removesuffix(QUERY)}, tmp_path)
        assert not list((tmp_path / "downloads").glob("*.gz"))
        assert not list((tmp_path / "unpacked").rglob("saved_model.pb"))


def test_what_tf_hub_cannot_unpack(tmp_path: Path) -> None:
    """TF Hub's own error becomes one sentence."""
    (tmp_path / "text").write_bytes(b"no tar")
    with pytest.raises(BadInput, match=r"^http://h/x/1: TF Hub cannot unpack it \(.*valid module.*\); name") as caught:
        resolve_handle("http://h/x/1", tmp_path / "cache", lambda _: (tmp_path / "text").open("rb"))
    assert "\n" not in str(caught.value)
    assert "TFHUB_CACHE_DIR" not in os.environ


def test_password_is_not_told_to_tf_hub(tmp_path: Path, server: Server, model: bytes) -> None:
    """TF Hub writes handles into files; the password reaches the server only."""
    handle = server.url(PATH + QUERY, whole(model)).removesuffix(QUERY).replace("http://", "http://user:secret@")
    get({"tfhub": handle}, tmp_path)
    assert server.seen[0][1]["Authorization"].startswith("Basic ")
    assert all(b"secret" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_presets_by_name() -> None:
    """A bare name is one of KerasHub's presets, and has the address that KerasHub gives it."""
    assert preset_address("bert_tiny_en_uncased").startswith("kaggle://keras/bert/keras/bert_tiny_en_uncased/")
    [file] = remote_files({"keras": "bert_tiny_en_uncased"})
    assert "/api/v1/models/keras/bert/keras/bert_tiny_en_uncased/" in file.address
    with pytest.raises(BadInput, match="has no BERT preset 'bert_tiny'; it has bert_base_en"):
        remote_files({"keras": "bert_tiny"})
