"""Encoders fetched into normal form: mirrors, checks against what is expected, nothing half-written."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import keras
import numpy as np
import pytest
import yaml
from keras import ops

from bert_ladder.encoders.conversion import fetch_encoder, fetch_known_encoder
from bert_ladder.encoders.families.bert import build_backbone, scratch_encoder
from bert_ladder.encoders.normal_form import load_weights, read_encoder, save_encoder
from bert_ladder.runtime.jobs import BadInput
from servers import QUICK, Server, status, whole

FIXTURES = Path(__file__).parents[2] / "fixtures/encoders"
SAVED_MODEL = FIXTURES / "tfhub_usual.tar.gz"
CHECKPOINT = FIXTURES / "checkpoint_usual.zip"
INPUTS = {
    "token_ids": np.array([[2, 5, 6, 3, 0], [2, 7, 8, 9, 3]], np.int32),
    "segment_ids": np.zeros((2, 5), np.int32),
    "padding_mask": np.array([[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]], np.int32),
}


@pytest.fixture
def fetch(tmp_path: Path) -> Any:
    """Fetches into a folder of its own and returns that folder."""

    def run(*sources: dict, lower_case: bool = True, vocabulary: Path | dict | None = None, **definition: Any) -> Path:
        folder = tmp_path / "encoders/mine"
        names = {"config": "encoder.json", "weights": "encoder.weights.h5", "vocabulary": "vocab.txt"}
        fetch_encoder(
            {"sources": list(sources)} | definition,
            lower_case=lower_case,
            vocabulary=vocabulary,
            outputs={key: folder / name for key, name in names.items()},
            downloads=tmp_path / "downloads/mine",
            patience=QUICK,
        )
        return folder

    return run


def outputs(folder: Path) -> dict[str, np.ndarray]:
    """Pooled and sequence output of an encoder in normal form."""
    backbone = build_backbone(read_encoder(folder / "encoder.json")["architecture"])
    load_weights(backbone, folder / "encoder.weights.h5")
    return {key: ops.convert_to_numpy(value) for key, value in backbone(INPUTS).items()}


def tfhub(server: Server, archive: Path = SAVED_MODEL) -> dict[str, str]:
    """A TF Hub source on a server that answers as TF Hub does: a redirect, then the archive."""
    query = "?tf-hub-format=compressed"
    server.url(f"/bert/1{query}", status(302, Location=f"/storage/bert.tar.gz{query}"))
    server.url(f"/storage/bert.tar.gz{query}", whole(archive.read_bytes(), Content_Type="application/x-tar"))
    return {"tfhub": server.url("/bert/1", status(400))}


def test_tf_hub_handle(server: Server, fetch: Any, tmp_path: Path) -> None:
    """A handle over http gives normal form, with checksum and address on record; a second fetch asks nobody."""
    folder = fetch(source := tfhub(server))
    encoder = read_encoder(folder / "encoder.json")
    assert encoder["architecture"]["num_layers"] == 2
    assert encoder["architecture"]["gelu"] == "tanh"
    assert encoder["lower_case"] is True
    assert encoder["source"]["kind"] == "savedmodel"
    [(address, digest)] = encoder["source"]["files"].items()
    assert address == f"{source['tfhub']}?tf-hub-format=compressed"
    assert len(digest) == 64
    assert len((folder / "vocab.txt").read_text().splitlines()) == encoder["architecture"]["vocabulary_size"]
    first, asked = outputs(folder), len(server.seen)
    again = outputs(fetch(source))
    assert len(server.seen) == asked
    for key, value in first.items():
        np.testing.assert_array_equal(value, again[key])
    assert not (tmp_path / "downloads/mine/unpacked").exists()
    assert {file.name for file in folder.iterdir()} == {"encoder.json", "encoder.weights.h5", "vocab.txt"}


def test_next_source_is_tried_when_one_fails(server: Server, fetch: Any, caplog: pytest.LogCaptureFixture) -> None:
    """One mirror is gone, one gives a web page, the third serves; the log says why the others did not."""
    caplog.set_level("INFO")
    page = whole(b"<!DOCTYPE html><html>Sign in</html>", Content_Type="text/html")
    folder = fetch(
        {"checkpoint": server.url("/gone.zip", status(404))},
        {"checkpoint": server.url("/page.zip", page)},
        {"checkpoint": server.url("/bert.zip", whole(CHECKPOINT.read_bytes()))},
    )
    assert read_encoder(folder / "encoder.json")["source"]["address"].endswith("/bert.zip")
    assert "404" in caplog.text
    assert "web page" in caplog.text


def test_when_no_source_serves_the_user_learns_what_to_bring(server: Server, fetch: Any, tmp_path: Path) -> None:
    """The message gives each reason, the file to bring and its place; a file brought there then serves."""
    source = {"checkpoint": server.url("/uncased.zip", status(403))}
    with pytest.raises(
        BadInput, match=r"(?s)mine: no source serves:.*HTTP 403.*into .*downloads/mine yourself:\n  uncased.zip from"
    ):
        fetch(source)
    assert not (tmp_path / "encoders/mine").exists()
    asked = len(server.seen)
    (tmp_path / "downloads/mine/uncased.zip").write_bytes(CHECKPOINT.read_bytes())
    assert outputs(fetch(source))["pooled_output"].shape == (2, 32)
    assert len(server.seen) == asked


def test_offline_asks_nobody(server: Server, fetch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the switch set no socket is opened, and the message says so."""
    monkeypatch.setenv("BERT_LADDER_OFFLINE", "1")
    with pytest.raises(BadInput, match="BERT_LADDER_OFFLINE"):
        fetch(tfhub(server), {"huggingface": "owner/name"}, {"kaggle": "a/b/c/d/1"})
    assert server.seen == []


def test_local_files_need_no_network(fetch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SavedModel's archive and a checkpoint's zip on this machine."""
    monkeypatch.setenv("BERT_LADDER_OFFLINE", "1")
    saved = outputs(fetch({"tfhub": str(SAVED_MODEL)}))
    checkpoint = outputs(fetch({"checkpoint": str(CHECKPOINT)}))
    assert saved.keys() == checkpoint.keys()


def test_gelu_of_the_definition_wins(fetch: Any, tmp_path: Path) -> None:
    """Hugging Face's copies of Google's BERTs name the wrong GELU; the catalogue knows better."""
    with tarfile.open(FIXTURES / "hugging_face.tar.gz") as archive:
        archive.extractall(tmp_path / "hf", filter="data")
    for name in ("usual", "large"):
        (tmp_path / "hf" / name / "vocab.txt").write_bytes((tmp_path / "hf/vocab.txt").read_bytes())
    source = {"huggingface": str(tmp_path / "hf/large")}
    as_said = read_encoder(fetch(source) / "encoder.json")["architecture"]["gelu"]
    first = outputs(fetch(source))["pooled_output"]
    other = {"erf": "tanh", "tanh": "erf"}[as_said]
    assert read_encoder(fetch(source, gelu=other) / "encoder.json")["architecture"]["gelu"] == other
    assert np.abs(outputs(fetch(source, gelu=other))["pooled_output"] - first).max() > 1e-4


def test_normal_form_from_another_folder(fetch: Any, tmp_path: Path) -> None:
    """A folder in normal form is a source like any other."""
    scratch = {"layers": 1, "hidden": 8, "heads": 2, "intermediate": 16, "positions": 8, "initializer_range": 0.02}
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh"]
    brought = tmp_path / "brought"
    brought.mkdir()
    encoder, backbone = scratch_encoder(scratch | {"seed": 1}, pieces, True)
    save_encoder(encoder, backbone, brought / "encoder.json", brought / "encoder.weights.h5")
    (brought / "vocab.txt").write_text("\n".join(pieces) + "\n")
    folder = fetch({"folder": str(brought)})
    source = json.loads((folder / "encoder.json").read_text())["source"]
    assert source["kind"] == "folder" and str(brought) in source["address"]
    assert source["of"] == {"kind": "scratch", "seed": 1, "initializer_range": 0.02}
    for key, value in outputs(brought).items():
        np.testing.assert_array_equal(outputs(folder)[key], value)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"caf\xe9", r"vocab\.txt, line 3: byte 0xe9 is not valid UTF-8"),
        (b"", r"vocab\.txt, line 3: the line is empty"),
        (b"[PAD]", r"vocab\.txt, line 3: '\[PAD\]' is already in line 1"),
    ],
)
def test_vocabulary_of_a_folder_is_checked(fetch: Any, tmp_path: Path, line: bytes, sentence: str) -> None:
    """Its faults are told by their line, before its encoder is built."""
    (tmp_path / "vocab.txt").write_bytes(b"[PAD]\n[UNK]\n" + line + b"\n[CLS]\n[SEP]\n[MASK]\n")
    with pytest.raises(BadInput, match=sentence):
        fetch({"folder": str(tmp_path)})


def zipped(tmp_path: Path, **replaced: bytes | None) -> Path:
    """The checkpoint's zip with some of its files replaced or left out."""
    target = tmp_path / "changed.zip"
    with ZipFile(CHECKPOINT) as old, ZipFile(target, "w") as new:
        for name in old.namelist():
            key = Path(name).stem
            if replaced.get(key, b"") is not None:
                new.writestr(name, replaced.get(key, old.read(name)))
    return target


def vocabulary_of(archive: Path) -> str:
    """The vocabulary in the checkpoint's zip."""
    with ZipFile(archive) as opened:
        return next(opened.read(name) for name in opened.namelist() if name.endswith("vocab.txt")).decode()


def test_vocabulary_of_another_size_is_refused(fetch: Any, tmp_path: Path) -> None:
    """An embedding table and a vocabulary that do not belong together."""
    short = "\n".join(vocabulary_of(CHECKPOINT).split("\n")[:-4]) + "\n"
    with pytest.raises(BadInput, match=r"vocabulary.* (\d+) .*\d+"):
        fetch({"checkpoint": str(zipped(tmp_path, vocab=short.encode()))})


def test_vocabulary_other_than_the_study_names_is_refused(fetch: Any, tmp_path: Path) -> None:
    """Tokens are made with the vocabulary that the catalogue knows by its checksum; another would be noise."""
    lines = vocabulary_of(CHECKPOINT).rstrip("\n").split("\n")
    lines[10], lines[11] = lines[11], lines[10]
    given = tmp_path / "vocab.txt"
    given.write_text("\n".join(lines) + "\n")
    with pytest.raises(BadInput, match=r"its vocabulary is not the one that the study names \(line 11 differs\)"):
        fetch({"checkpoint": str(CHECKPOINT)}, vocabulary=given)


def test_given_vocabulary_serves_where_the_source_has_none(fetch: Any, tmp_path: Path) -> None:
    """A checkpoint without vocab.txt and the vocabulary named in the study."""
    given = tmp_path / "vocab.txt"
    given.write_text(vocabulary_of(CHECKPOINT))
    bare = {"checkpoint": str(zipped(tmp_path, vocab=None))}
    assert (fetch(bare, vocabulary=given) / "vocab.txt").read_text() == given.read_text()
    with pytest.raises(BadInput, match="carries no vocabulary"):
        fetch(bare)


def test_vocabulary_of_the_catalogue(fetch: Any, tmp_path: Path, server: Server) -> None:
    """It is checked by its checksum, and fetched where the source carries none."""
    content = vocabulary_of(CHECKPOINT).encode()
    entry = {"sha256": hashlib.sha256(content).hexdigest()}
    here = entry | {"sources": [{"file": server.url("/vocab.txt", whole(content))}]}
    fetch({"checkpoint": str(CHECKPOINT)}, vocabulary=here)
    assert server.seen == []
    folder = fetch({"checkpoint": str(zipped(tmp_path, vocab=None))}, vocabulary=here)
    assert (folder / "vocab.txt").read_bytes() == content
    with pytest.raises(BadInput, match=r"its vocabulary's SHA-256 is [0-9a-f]{64}, expected 0{64}"):
        fetch({"checkpoint": str(CHECKPOINT)}, vocabulary=here | {"sha256": "0" * 64})


def test_case_is_checked(fetch: Any, tmp_path: Path) -> None:
    """A vocabulary with capital letters cannot be for lower-cased text, and a source may say otherwise."""
    lines = vocabulary_of(CHECKPOINT).rstrip("\n").split("\n")
    lines[-3:] = ["London", "Paris", "Oslo"]
    cased = zipped(tmp_path, vocab=("\n".join(lines) + "\n").encode())
    with pytest.raises(BadInput, match=r"capital letters .'London'.*lower_case: false"):
        fetch({"checkpoint": str(cased)})
    assert read_encoder(fetch({"checkpoint": str(cased)}, lower_case=False) / "encoder.json")["lower_case"] is False
    with pytest.raises(BadInput, match="lower_case: true"):
        fetch(
            {"tfhub": str(SAVED_MODEL), "preprocessing": str(FIXTURES / "preprocessing_uncased.tar.gz")},
            lower_case=False,
        )


def test_a_stray_capital_is_told_and_left(fetch: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Some vocabularies of lower-cased text, LEGAL-BERT's for one, hold a few pieces that no such text matches."""
    lines = vocabulary_of(CHECKPOINT).rstrip("\n").split("\n")
    lines[-1] = "##S"
    stray = zipped(tmp_path, vocab=("\n".join(lines) + "\n").encode())
    assert read_encoder(fetch({"checkpoint": str(stray)}) / "encoder.json")["lower_case"] is True
    assert "capital letters that lower-cased text never matches: ##S" in caplog.text


def test_another_encoder_than_the_catalogue_says_is_refused(fetch: Any) -> None:
    """A mirror that gives another size is no mirror."""
    size = {"layers": 2, "hidden": 32, "heads": 2, "parameters": 49376}
    for key, said, found in (("layers", "4", "2"), ("parameters", "49,377", "49,376"), ("positions", "256", "512")):
        wrong = size | {key: int(said.replace(",", ""))}
        with pytest.raises(BadInput, match=f"it has {found} {key} where the catalogue says {said}: another encoder"):
            fetch({"tfhub": str(SAVED_MODEL)}, size=wrong)


def test_a_killed_fetch_leaves_nothing_that_counts(fetch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files get their names when all are whole; what a killed job left is swept away by the next."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "encoders/mine"
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(keras.Model, "save_weights", killed)
        fetch({"tfhub": str(SAVED_MODEL)})
    assert not any((folder / name).exists() for name in ("encoder.json", "encoder.weights.h5", "vocab.txt"))
    (folder / "unfinished").mkdir(parents=True, exist_ok=True)
    (folder / "unfinished/encoder.weights.h5").write_bytes(b"half")
    assert {file.name for file in fetch({"tfhub": str(SAVED_MODEL)}).iterdir()} == {
        *("encoder.json", "encoder.weights.h5", "vocab.txt")
    }


def test_a_model_that_is_no_bert_is_refused(server: Server, fetch: Any, tmp_path: Path) -> None:
    """A handle of another model gives one sentence, and nothing is written."""
    with pytest.raises(BadInput, match=r"(?s)no source serves:.*tfhub .*preprocessing_uncased"):
        fetch({"tfhub": str(FIXTURES / "preprocessing_uncased.tar.gz")})
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w:gz"):
        pass
    (tmp_path / "empty.tar.gz").write_bytes(empty.getvalue())
    with pytest.raises(BadInput, match="no source serves"):
        fetch(tfhub(server, tmp_path / "empty.tar.gz"))
    assert not (tmp_path / "encoders/mine").exists()


def test_encoder_by_its_name_in_the_catalogue(fetch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue gives its sources, and those of the vocabulary that it must have."""
    pieces = (fetch({"tfhub": str(SAVED_MODEL)}) / "vocab.txt").read_bytes()
    monkeypatch.chdir(tmp_path)
    vocabulary = {"sha256": hashlib.sha256(pieces).hexdigest(), "sources": []}
    catalog = {"encoders": {"known": {"sources": [{"tfhub": str(SAVED_MODEL)}]}}, "vocabularies": {"its": vocabulary}}
    (tmp_path / "encoders.yaml").write_text(yaml.safe_dump(catalog))
    (tmp_path / "known").mkdir()
    names = {"config": "encoder.json", "weights": "encoder.weights.h5", "vocabulary": "vocab.txt"}
    outputs = {key: tmp_path / "known" / name for key, name in names.items()}
    fetch_known_encoder("encoders.yaml", "known", True, "its", outputs, tmp_path / "downloads")
    assert outputs["vocabulary"].read_bytes() == pieces
    catalog["vocabularies"]["its"]["sha256"] = "0" * 64
    (tmp_path / "encoders.yaml").write_text(yaml.safe_dump(catalog))
    with pytest.raises(BadInput, match="its vocabulary's SHA-256 is"):
        fetch_known_encoder("encoders.yaml", "known", True, "its", outputs, tmp_path / "downloads")
