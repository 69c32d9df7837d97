"""A vocabulary of the catalogue: verified, from whichever source gives it."""

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from bert_ladder.encoders.fetching import fetch_known_vocabulary, fetch_vocabulary
from bert_ladder.runtime.jobs import BadInput
from servers import QUICK, Server, status, whole

CONTENT = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nfilm\n##s\n"


@pytest.fixture
def fetch(tmp_path: Path) -> Any:
    """Fetches a vocabulary and returns what was written."""

    def run(*sources: dict, at_hand: tuple[Path, ...] = (), content: bytes = CONTENT) -> bytes:
        output = tmp_path / "vocabularies/mine/vocab.txt"
        output.parent.mkdir(parents=True, exist_ok=True)
        entry = {"sha256": hashlib.sha256(content).hexdigest(), "sources": list(sources)}
        fetch_vocabulary(entry, output, at_hand, tmp_path / "downloads", QUICK)
        return output.read_bytes()

    return run


def archive(tmp_path: Path, member: str = "assets/vocab.txt", content: bytes = CONTENT) -> str:
    """A tar.gz as a preprocessing model has its vocabulary."""
    path = tmp_path / "preprocess.tar.gz"
    with tarfile.open(path, "w:gz") as opened:
        folder = tarfile.TarInfo(str(Path(member).parent))
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        opened.addfile(folder)
        for name, held in ((member, content), ("saved_model.pb", b"graph")):
            info = tarfile.TarInfo(name)
            info.size = len(held)
            opened.addfile(info, io.BytesIO(held))
    return str(path)


def test_text_file(server: Server, fetch: Any) -> None:
    """A plain file at an address; a missing last newline does not matter."""
    assert fetch({"file": server.url("/vocab.txt", whole(CONTENT))}) == CONTENT
    assert fetch({"file": server.url("/bare.txt", whole(CONTENT[:-1]))}) == CONTENT


def test_preprocessing_model(fetch: Any, tmp_path: Path) -> None:
    """The vocabulary is the asset of a preprocessing model."""
    assert fetch({"tfhub": archive(tmp_path)}) == CONTENT


def test_package_with_a_model(fetch: Any, tmp_path: Path) -> None:
    """The vocabulary lies in the model's folder in a package, here one that was brought."""
    wheel = tmp_path / "downloads/a-small-bert-1.0/a.whl"
    wheel.parent.mkdir(parents=True)
    with ZipFile(wheel, "w") as file:
        file.writestr("a_small_bert/model/vocab.txt", CONTENT)
        file.writestr("a_small_bert/other/config.json", "{}")
    source = {"package": "a-small-bert==1.0", "file": "a_small_bert/model"}
    assert fetch(source) == CONTENT
    with pytest.raises(BadInput, match=r"there is no vocab\.txt in it: it carries no vocabulary"):
        fetch(source | {"file": "a_small_bert/other"})


def test_next_source_is_tried(server: Server, fetch: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An address that is gone, an archive without the asset, another vocabulary: then the right one."""
    (tmp_path / "other").mkdir()
    sources = [
        {"file": server.url("/gone.txt", status(404))},
        {"tfhub": archive(tmp_path / "other", "assets/words.txt")},
        {"file": server.url("/other.txt", whole(CONTENT + b"more\n"))},
        {"file": server.url("/vocab.txt", whole(CONTENT))},
    ]
    assert fetch(*sources) == CONTENT
    assert "404" in caplog.text
    assert "no assets/vocab.txt" in caplog.text
    assert "SHA-256" in caplog.text


def test_mirrors_may_call_different_files_the_same(server: Server, fetch: Any, tmp_path: Path) -> None:
    """What the first gave is not taken for what the second has; the message tells where to put which."""
    sources = [
        {"file": server.url("/old/vocab.txt", whole(CONTENT + b"more\n"))},
        {"file": server.url("/new/vocab.txt", status(404), whole(CONTENT))},
    ]
    with pytest.raises(BadInput, match=r"/old/vocab.txt\n  vocab.txt from http\S+/new/vocab.txt \(into \S+source-2\)"):
        fetch(*sources)
    assert fetch(*sources) == CONTENT


def test_an_encoder_that_is_here_saves_the_network(fetch: Any, tmp_path: Path) -> None:
    """The vocabulary of an encoder that was copied to this machine serves if it is the right one."""
    (tmp_path / "wrong.txt").write_bytes(CONTENT + b"more\n")
    (tmp_path / "right.txt").write_bytes(CONTENT)
    assert fetch(at_hand=(tmp_path / "wrong.txt", tmp_path / "right.txt")) == CONTENT


def test_nothing_is_written_when_no_source_serves(server: Server, fetch: Any, tmp_path: Path) -> None:
    """The message names each reason and the file to bring."""
    with pytest.raises(
        BadInput, match=r"(?s)mine: no source serves:.*file .*404.*into .*downloads yourself:\n  vocab.txt from http"
    ):
        fetch({"file": server.url("/vocab.txt", status(404))})
    assert not (tmp_path / "vocabularies/mine/vocab.txt").exists()


def test_vocabulary_by_its_name_in_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue says where it is from and what it must be."""
    monkeypatch.chdir(tmp_path)
    entry = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "sources": [{"tfhub": archive(tmp_path)}]}
    (tmp_path / "encoders.yaml").write_text(yaml.safe_dump({"encoders": {}, "vocabularies": {"mine": entry}}))
    fetch_known_vocabulary("encoders.yaml", "mine", output=tmp_path / "vocab.txt", downloads=tmp_path / "downloads")
    assert (tmp_path / "vocab.txt").read_bytes() == CONTENT
