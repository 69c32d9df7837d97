"""Sources of encoders: addresses, downloads that are kept and checked, brought files, archives and folders."""

import hashlib
import io
import json
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
from huggingface_hub import constants

from bert_ladder.encoders import sources
from bert_ladder.encoders.sources import RemoteFile, fetch_source, remote_files, shown, what_to_bring
from bert_ladder.files.downloading import Patience, Unavailable
from bert_ladder.runtime.jobs import BadInput
from servers import QUICK, Answer, Handler, Server, cut_after, status, whole, with_ranges

FILES = {"bert_config.json": b"{}", "vocab.txt": b"[PAD]\n", "bert_model.ckpt.index": bytes(5000)}
PAGE = b"<!DOCTYPE html><title>Sign in</title>"
REPOSITORY = "google/bert_uncased_L-2_H-128_A-2"


def zipped(files: dict[str, bytes], top: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(top + name, content)
    return buffer.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


ZIP = zipped(FILES)


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    """Where downloads are kept."""
    return tmp_path / "downloads"


def get(source: dict, downloads: Path, patience: Patience = QUICK) -> sources.FetchedSource:
    return fetch_source(source, downloads, downloads.parent / "unpacked", patience)


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def checksums(downloads: Path) -> dict:
    return json.loads((downloads / "checksums.json").read_text())


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def assert_nothing(downloads: Path) -> None:
    """Neither a file under its own name, nor a record, nor half an unpacked model."""
    assert [name for name in names(downloads) if not name.endswith((".part", ".part.json"))] == []
    assert not list(downloads.parent.glob("unpacked/*"))


# addresses ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "name", "address"),
    [
        (
            {"tfhub": "https://tfhub.dev/tensorflow/small_bert/bert_en_uncased_L-2_H-128_A-2/2"},
            "small_bert_bert_en_uncased_L-2_H-128_A-2_2.tar.gz",
            "https://tfhub.dev/tensorflow/small_bert/bert_en_uncased_L-2_H-128_A-2/2?tf-hub-format=compressed",
        ),
        (
            {"tfhub": "http://localhost:8000/bert/1"},
            "bert_1.tar.gz",
            "http://localhost:8000/bert/1?tf-hub-format=compressed",
        ),
        (
            {"tfhub": "http://localhost:8000/model.tar.gz?key=1"},
            "model.tar.gz",
            "http://localhost:8000/model.tar.gz?key=1&tf-hub-format=compressed",
        ),
        (
            {"kaggle": "tensorflow/bert/tensorFlow2/bert-en-uncased-l-2-h-128-a-2/2"},
            "bert-tensorflow2-bert-en-uncased-l-2-h-128-a-2-v2.tar.gz",
            "https://www.kaggle.com/api/v1/models/tensorflow/bert/tensorFlow2/bert-en-uncased-l-2-h-128-a-2/2/download",
        ),
        (
            {"keras": "kaggle://keras/bert/keras/bert_tiny_en_uncased/3"},
            "bert-keras-bert_tiny_en_uncased-v3.tar.gz",
            "https://www.kaggle.com/api/v1/models/keras/bert/keras/bert_tiny_en_uncased/3/download",
        ),
        (
            {"checkpoint": "https://storage.googleapis.com/bert_models/2020_02_20/uncased_L-2_H-128_A-2.zip"},
            "uncased_L-2_H-128_A-2.zip",
            "https://storage.googleapis.com/bert_models/2020_02_20/uncased_L-2_H-128_A-2.zip",
        ),
        ({"checkpoint": "https://example.org/a%2F..%2F.x"}, "x.zip", "https://example.org/a%2F..%2F.x"),
        ({"checkpoint": "https://example.org/a.tar.gz"}, "a.tar.gz", "https://example.org/a.tar.gz"),
        ({"file": "https://example.org/vocab.txt?raw=1"}, "vocab.txt", "https://example.org/vocab.txt?raw=1"),
    ],
)
def test_address_of_one_file(source: dict, name: str, address: str) -> None:
    """A source of one archive has one address, and a name that no address can lead out of the folder."""
    assert remote_files(source | {"sha256": "ab"}) == [RemoteFile(name, address, "ab")]


def test_addresses_of_a_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of a Hugging Face repository, at a revision, at the host that HF_ENDPOINT names."""
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    files = remote_files({"huggingface": REPOSITORY, "sha256": {"vocab.txt": "ab"}})
    start = f"https://huggingface.co/{REPOSITORY}/resolve/main/"
    assert [file.address.removeprefix(start) for file in files] == [
        "config.json",
        "vocab.txt",
        "tokenizer.json",
        "sentencepiece.bpe.model",
        "spiece.model",
        "spm.model",
        "tokenizer_config.json",
        "model.safetensors",
        "pytorch_model.bin",
    ]
    assert files[1].name == "google_bert_uncased_L-2_H-128_A-2/vocab.txt"
    assert [file.sha256 for file in files] == [None, "ab", *[None] * 7]
    assert [file.optional for file in files] == [False, *[True] * 6, False, False]
    assert {file.alternative_to for file in files[2:6]} == {files[1].name}
    assert files[8].alternative_to == files[7].name
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    at = remote_files({"huggingface": REPOSITORY, "revision": "refs/pr/1"})[0]
    assert at.address == f"https://mirror.example/{REPOSITORY}/resolve/refs%2Fpr%2F1/config.json"
    assert at.name == "google_bert_uncased_L-2_H-128_A-2_refs_pr_1/config.json"


def test_host_is_not_that_of_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """huggingface_hub keeps the host that HF_ENDPOINT named when it was imported."""
    imported = constants.ENDPOINT
    for name in ("ENDPOINT", "HUGGINGFACE_CO_URL_TEMPLATE"):
        monkeypatch.setattr(constants, name, getattr(constants, name).replace(imported, "http://h"))
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert remote_files({"huggingface": REPOSITORY})[0].address.startswith(f"https://huggingface.co/{REPOSITORY}/")


def test_addresses_of_a_preset_on_hugging_face(monkeypatch: pytest.MonkeyPatch) -> None:
    """What KerasHub's save_to_preset writes; its metadata are not needed to read it."""
    monkeypatch.setenv("HF_ENDPOINT", "http://h")
    files = remote_files({"keras": "hf://me/preset"})
    assert {file.address.removeprefix("http://h/me/preset/resolve/main/"): file.optional for file in files} == {
        "metadata.json": True,
        "config.json": False,
        "tokenizer.json": False,
        "assets/tokenizer/vocabulary.txt": False,
        "model.weights.h5": False,
    }


def test_preprocessing_is_a_file_of_its_own(tmp_path: Path) -> None:
    """The preprocessing model comes from TF Hub, from Kaggle where the source does, or from this machine."""
    handle = "https://tfhub.dev/tensorflow/bert_en_uncased_preprocess/3"
    files = remote_files({"tfhub": "https://tfhub.dev/t/x/1", "preprocessing": handle, "preprocessing_sha256": "ab"})
    assert files[1] == RemoteFile("bert_en_uncased_preprocess_3.tar.gz", f"{handle}?tf-hub-format=compressed", "ab")
    kaggle = "tensorflow/bert/tensorFlow2/en-uncased-preprocess/3"
    files = remote_files({"kaggle": "tensorflow/bert/tensorFlow2/x/1", "preprocessing": kaggle})
    assert files[1].address == f"https://www.kaggle.com/api/v1/models/{kaggle}/download"
    assert len(remote_files({"kaggle": "tensorflow/bert/tensorFlow2/x/1", "preprocessing": str(tmp_path)})) == 1


def test_local_sources_have_no_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path names no file of the network, even one that looks like a repository but is there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner/name").mkdir(parents=True)
    for key in ("tfhub", "checkpoint", "huggingface", "keras", "folder", "file"):
        assert remote_files({key: str(tmp_path)}) == []
    assert remote_files({"huggingface": "owner/name"}) == []
    assert remote_files({"huggingface": "./absent"}) == []


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"kaggle": "tensorflow/bert/x/1"}, "'tensorflow/bert/x/1' is no handle of Kaggle; write owner/model"),
        ({"kaggle": "a/b/c/../1/2"}, "is no handle of Kaggle"),
        ({"keras": "kaggle://keras/bert/keras/bert_tiny"}, "is no handle of Kaggle"),
        ({"keras": "hf://bert"}, "'bert' is no repository of Hugging Face; write owner/name"),
        ({"checkpoint": "http://h/a.zip", "sha256": {"a": "b"}}, "is one file, and the source gives .* several"),
        ({"huggingface": REPOSITORY, "sha256": "ab"}, "holds several files; give sha256 as a mapping"),
    ],
)
def test_wrong_handles(source: dict, reason: str) -> None:
    """What is no handle is said before anything is fetched."""
    with pytest.raises(BadInput, match=reason):
        remote_files(source)


# archives over the network --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("top", ["", "uncased_L-2_H-128_A-2/", "deep/er/"])
def test_brings_a_checkpoint(downloads: Path, server: Server, top: str) -> None:
    """The zip is kept and recorded, and its content found whether or not it is packed in a folder."""
    packed = zipped(FILES | {"../__MACOSX/._x".removeprefix("../"): b"x"} if not top else FILES, top)
    url = server.url("/uncased.zip", whole(packed))
    brought = get({"checkpoint": url}, downloads)
    assert (brought.kind, brought.preprocessing) == ("checkpoint", None)
    assert FILES.items() <= content_of(brought.folder).items()
    assert brought.files == {url: sha256(packed)}
    assert names(downloads) == ["checksums.json", "uncased.zip"]
    record = checksums(downloads)[url]
    assert record["sha256"] == sha256(packed)
    assert record["retrieved"].endswith("+00:00")


@pytest.mark.parametrize("key", ["kaggle", "keras"])
def test_brings_from_kaggle(downloads: Path, server: Server, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """A model of Kaggle is one archive, given by its download address, often after a redirect."""
    monkeypatch.setenv("KAGGLE_API_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    there = server.url("/storage/archive", whole(tarred(FILES)))
    server.url("/api/v1/models/keras/bert/keras/tiny/3/download", status(302, Location=there))
    handle = "keras/bert/keras/tiny/3"
    brought = get({key: f"kaggle://{handle}" if key == "keras" else handle}, downloads)
    assert brought.kind == {"kaggle": "savedmodel", "keras": "keras"}[key]
    assert content_of(brought.folder) == FILES


def test_preprocessing_from_kaggle(downloads: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The preprocessing model lies in a folder of its own, and its checksum is recorded too."""
    monkeypatch.setenv("KAGGLE_API_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    server.url("/api/v1/models/t/b/tf2/x/1/download", whole(tarred({"saved_model.pb": b"1"})))
    server.url("/api/v1/models/t/b/tf2/preprocess/3/download", whole(tarred({"saved_model.pb": b"2"})))
    brought = get({"kaggle": "t/b/tf2/x/1", "preprocessing": "t/b/tf2/preprocess/3"}, downloads)
    assert content_of(brought.folder) == {"saved_model.pb": b"1"}
    assert content_of(brought.preprocessing) == {"saved_model.pb": b"2"}
    assert len(brought.files) == len(checksums(downloads)) == 2


def test_fetched_once(downloads: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is here, complete and recorded, is taken without asking the network."""
    source = {"checkpoint": server.url("/a.zip", whole(ZIP))}
    first = get(source, downloads)
    recorded = checksums(downloads)
    monkeypatch.setenv("BERT_LADDER_OFFLINE", "1")
    assert get(source, downloads) == first
    assert content_of(first.folder) == FILES
    assert len(server.seen) == 1
    assert checksums(downloads) == recorded


def test_brought_file_needs_no_network(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that a user put there is checked, recorded and taken."""
    monkeypatch.setenv("BERT_LADDER_OFFLINE", "1")
    downloads.mkdir()
    (downloads / "a.zip").write_bytes(ZIP)
    source = {"checkpoint": "https://unreachable.invalid/a.zip", "sha256": sha256(ZIP).upper()}
    assert content_of(get(source, downloads).folder) == FILES
    assert checksums(downloads)["https://unreachable.invalid/a.zip"]["sha256"] == sha256(ZIP)


def test_brought_file_of_the_wrong_checksum(downloads: Path) -> None:
    """A user's file that is not the one the source speaks of is refused by name, and left alone."""
    downloads.mkdir()
    (downloads / "a.zip").write_bytes(ZIP)
    with pytest.raises(BadInput, match=f"a.zip: its SHA-256 is {sha256(ZIP)}, the source demands {sha256(b'')}"):
        get({"checkpoint": "https://unreachable.invalid/a.zip", "sha256": sha256(b"")}, downloads)
    assert names(downloads) == ["a.zip"]


@pytest.mark.parametrize(("content", "reason"), [(ZIP[:-30], "is cut or damaged"), (PAGE, "a web page, not an arch")])
def test_brought_file_that_is_damaged(downloads: Path, content: bytes, reason: str) -> None:
    """A user's file is not recorded before it proved whole."""
    downloads.mkdir()
    (downloads / "a.zip").write_bytes(content)
    with pytest.raises(BadInput, match=f"a.zip: {reason}.*; delete it, or bring the file that https://u.invalid/a.zip"):
        get({"checkpoint": "https://u.invalid/a.zip"}, downloads)
    assert names(downloads) == ["a.zip"]


def test_offline(downloads: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the file and without the network the reason is the switch."""
    monkeypatch.setenv("BERT_LADDER_OFFLINE", "1")
    with pytest.raises(Unavailable, match=r"^a\.zip: offline: BERT_LADDER_OFFLINE is set$"):
        get({"checkpoint": server.url("/a.zip", whole(ZIP))}, downloads)
    assert server.seen == []
    assert_nothing(downloads)


def hang(handler: Handler) -> None:
    """Say nothing for longer than anybody waits."""
    handler.server.stopped.wait(5)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(404), "HTTP 404"),
        (status(500), "HTTP 500"),
        (whole(PAGE, Content_Type="text/html"), "a web page, not an archive"),
        (whole(b""), "the file is empty"),
        (whole(b"plain text"), "is neither zip, tar nor tar.gz"),
        (whole(ZIP[:-30]), "is cut or damaged"),
        (whole(tarred(FILES)[:-30]), "is cut or damaged"),
        (whole(zipped({"../evil": b"x"})), "climbs out"),
        (cut_after(1000, ZIP + bytes(5000), ETag='"1"'), "before all had come"),
        (status(302, Location="/a.zip"), "more than 10 redirects"),
        (status(302, Location="file:///etc/passwd"), "not http or https"),
        (hang, "timed out"),
    ],
    ids=["404", "500", "page", "empty", "text", "zip", "tar", "climbing", "cut body", "ring", "to file", "hanging"],
)
def test_server_that_fails(downloads: Path, server: Server, answer: Answer, reason: str) -> None:
    """Whatever a server does instead of giving the archive, nothing is taken for one, and the reason is one line."""
    server.stopped = threading.Event()
    patience = Patience(attempts=2, first_wait=0.01, longest_wait=0.02, read_timeout=0.3)
    with pytest.raises(Unavailable, match=rf"^a\.zip: .*({reason})") as caught:
        get({"checkpoint": server.url("/a.zip", answer)}, downloads, patience)
    server.stopped.set()
    assert "\n" not in str(caught.value)
    assert_nothing(downloads)


def test_wrong_checksum(downloads: Path, server: Server) -> None:
    """A file other than the source's is not kept."""
    with pytest.raises(Unavailable, match=f"its SHA-256 is {sha256(ZIP)}, expected {sha256(b'')}"):
        get({"checkpoint": server.url("/a.zip", whole(ZIP)), "sha256": sha256(b"")}, downloads)
    assert names(downloads) == []


def test_changed_since_the_first_use(downloads: Path, server: Server) -> None:
    """Where the source gives no checksum the first one is remembered, and another file refused with the way out."""
    url = server.url("/a.zip", whole(ZIP))
    get({"checkpoint": url}, downloads)
    since = checksums(downloads)[url]["retrieved"]
    other = zipped(FILES | {"vocab.txt": b"[UNK]\n"})
    server.url("/a.zip", whole(other))
    (downloads / "a.zip").unlink()
    with pytest.raises(Unavailable) as caught:
        get({"checkpoint": url}, downloads)
    assert str(caught.value) == (
        f"a.zip: its SHA-256 is {sha256(other)}, but {sha256(ZIP)} was recorded on {since}; delete the entry of {url} "
        f"in {downloads / 'checksums.json'} to trust the new one"
    )
    assert names(downloads) == ["checksums.json"]
    (downloads / "checksums.json").write_text("{}")
    assert get({"checkpoint": url}, downloads).files == {url: sha256(other)}


def test_source_outranks_the_record(downloads: Path, server: Server) -> None:
    """A checksum that the source gives now is the one that counts, and is recorded."""
    url = server.url("/a.zip", whole(ZIP))
    get({"checkpoint": url}, downloads)
    other = zipped(FILES | {"vocab.txt": b"[UNK]\n"})
    (downloads / "a.zip").write_bytes(other)
    get({"checkpoint": url, "sha256": sha256(other)}, downloads)
    assert checksums(downloads)[url]["sha256"] == sha256(other)


def test_damaged_since_it_was_recorded(downloads: Path, server: Server) -> None:
    """A kept file that changed on the disk is refused, and both ways out are said."""
    url = server.url("/a.zip", whole(ZIP))
    get({"checkpoint": url}, downloads)
    (downloads / "a.zip").write_bytes(zipped({"x": b"y"}))
    with pytest.raises(BadInput, match=r"a.zip: its SHA-256 .* delete the entry .*, or delete the file to fetch it"):
        get({"checkpoint": url}, downloads)


@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}', '{"a": {"sha256": "b"}}'])
def test_damaged_record(downloads: Path, content: str) -> None:
    """A record that cannot be read is not taken for an empty one."""
    downloads.mkdir()
    (downloads / "checksums.json").write_text(content)
    with pytest.raises(BadInput, match=r"checksums.json: .*; mend it, or delete it"):
        get({"checkpoint": "https://unreachable.invalid/a.zip"}, downloads)


def test_unfinished_download_is_continued(downloads: Path, server: Server) -> None:
    """What a cut download left is never taken for the file, and not fetched twice."""
    patience = Patience(attempts=1, read_timeout=2)
    url = server.url("/a.zip", cut_after(100, ZIP, ETag='"version-1"'), with_ranges(ZIP))
    with pytest.raises(Unavailable):
        get({"checkpoint": url}, downloads, patience)
    assert_nothing(downloads)
    assert "a.zip.part" in names(downloads)
    assert content_of(get({"checkpoint": url}, downloads, patience).folder) == FILES
    assert server.ranges() == [None, "bytes=100-"]
    assert names(downloads) == ["a.zip", "checksums.json"]


def test_nothing_of_an_earlier_call_stays(downloads: Path, server: Server) -> None:
    """What a killed job unpacked does not mix with what this one unpacks."""
    left = downloads.parent / "unpacked/encoder"
    left.mkdir(parents=True)
    (left / "half.index").write_bytes(b"")
    brought = get({"checkpoint": server.url("/a.zip", whole(ZIP))}, downloads)
    assert content_of(brought.folder) == FILES


def test_password_is_not_written(downloads: Path, server: Server) -> None:
    """A password in an address reaches the server only."""
    url = server.url("/a.zip", whole(ZIP)).replace("http://", "http://user:secret@")
    brought = get({"checkpoint": url}, downloads)
    assert server.seen[0][1]["Authorization"].startswith("Basic ")
    written = (downloads / "checksums.json").read_text() + str(brought) + shown({"checkpoint": url})
    assert "secret" not in written + what_to_bring([{"checkpoint": url}], downloads)


def test_proxy_is_used(downloads: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy of the environment fetches encoders too."""
    server.url("http://models.invalid/a.zip", whole(ZIP))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    assert content_of(get({"checkpoint": "http://models.invalid/a.zip"}, downloads).folder) == FILES


# repositories ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server that stands for Hugging Face; it has whatever `publish` gives it, and 404 for the rest."""
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    publish(server, {})
    return server


def publish(server: Server, files: dict[str, bytes]) -> None:
    for file in remote_files({"huggingface": REPOSITORY}):
        name = file.address.rpartition("/")[2]
        answer = whole(files[name]) if name in files else status(404)
        server.url(f"/{REPOSITORY}/resolve/main/{name}", answer)


PUBLISHED = {"config.json": b"{}", "vocab.txt": b"[PAD]\n", "model.safetensors": b"weights"}


@pytest.mark.parametrize(
    "files",
    [
        PUBLISHED,
        PUBLISHED | {"tokenizer_config.json": b'{"do_lower_case": true}'},
        {"config.json": b"{}", "vocab.txt": b"[PAD]\n", "pytorch_model.bin": b"older weights"},
    ],
    ids=["plain", "with tokenizer", "older weights"],
)
def test_brings_a_repository(downloads: Path, repository: Server, files: dict[str, bytes]) -> None:
    """Files that may be missing may be missing, and the older form of the weights serves where there is no other."""
    publish(repository, files | {"pytorch_model.bin": b"older weights"})
    brought = get({"huggingface": REPOSITORY}, downloads)
    assert brought.kind == "huggingface"
    assert content_of(brought.folder) == files
    assert sorted(brought.files.values()) == sorted(map(sha256, files.values()))
    asked = len(repository.seen)
    assert get({"huggingface": REPOSITORY}, downloads) == brought
    assert len(repository.seen) == asked


def test_repository_without_weights(downloads: Path, repository: Server) -> None:
    """When neither form of the weights is there the source fails, and what came is kept for the next time."""
    publish(repository, {"config.json": b"{}", "vocab.txt": b"[PAD]\n"})
    with pytest.raises(Unavailable, match=r"pytorch_model\.bin: HTTP 404") as caught:
        get({"huggingface": REPOSITORY}, downloads)
    assert caught.value.status == 404
    publish(repository, PUBLISHED)
    asked = len(repository.seen)
    assert content_of(get({"huggingface": REPOSITORY}, downloads).folder) == PUBLISHED
    assert [path.rpartition("/")[2] for path, _ in repository.seen[asked:]] == [
        "tokenizer_config.json",
        "model.safetensors",
    ]


@pytest.mark.parametrize("name", ["tokenizer_config.json", "model.safetensors"])
def test_trouble_is_not_absence(downloads: Path, repository: Server, name: str) -> None:
    """A server in trouble does not make an optional file missing: the encoder would silently be another."""
    publish(repository, PUBLISHED | {"pytorch_model.bin": b"older weights"})
    repository.url(f"/{REPOSITORY}/resolve/main/{name}", status(500))
    with pytest.raises(Unavailable, match=f"{name}: HTTP 500"):
        get({"huggingface": REPOSITORY}, downloads)


def test_repository_that_answers_with_a_page(downloads: Path, repository: Server) -> None:
    """A sign-in page is no vocabulary."""
    publish(repository, PUBLISHED | {"vocab.txt": PAGE})
    with pytest.raises(Unavailable, match=r"vocab\.txt: a web page came, not the file"):
        get({"huggingface": REPOSITORY}, downloads)
    assert "vocab.txt" not in [Path(name).name for name in names(downloads)]


def test_checksums_of_a_repository(downloads: Path, repository: Server) -> None:
    """Each file can have a checksum of its own."""
    publish(repository, PUBLISHED)
    sums = {name: sha256(content) for name, content in PUBLISHED.items()}
    get({"huggingface": REPOSITORY, "sha256": sums}, downloads)
    with pytest.raises(BadInput, match=f"vocab.txt: its SHA-256 is .*the source demands {sha256(b'')}"):
        get({"huggingface": REPOSITORY, "sha256": {"vocab.txt": sha256(b"")}}, downloads)


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_brought_repository_needs_no_network(
    downloads: Path, repository: Server, monkeypatch: pytest.MonkeyPatch, weights: str
) -> None:
    """The needed files are enough; nobody asks for the optional ones."""
    folder = downloads / "google_bert_uncased_L-2_H-128_A-2"
    folder.mkdir(parents=True)
    for name in ("config.json", "vocab.txt", weights):
        (folder / name).write_bytes(b"x")
    brought = get({"huggingface": REPOSITORY}, downloads)
    assert brought.folder == folder
    assert len(brought.files) == len(checksums(downloads)) == 3
    assert repository.seen == []


def test_preset_on_hugging_face(downloads: Path, repository: Server) -> None:
    """A preset keeps its folders, so that KerasHub finds its vocabulary."""
    files = {"config.json": b"{}", "tokenizer.json": b"{}", "assets/tokenizer/vocabulary.txt": b"[PAD]\n"}
    files |= {"model.weights.h5": b"weights"}
    for name, content in files.items():
        repository.url(f"/me/preset/resolve/main/{name}", whole(content))
    repository.url("/me/preset/resolve/main/metadata.json", status(404))
    brought = get({"keras": "hf://me/preset"}, downloads)
    assert (brought.kind, content_of(brought.folder)) == ("keras", files)


def test_single_file(downloads: Path, server: Server, tmp_path: Path) -> None:
    """A vocabulary is one file, from an address or from here."""
    brought = get({"file": server.url("/vocab.txt", whole(b"[PAD]\n"))}, downloads)
    assert (brought.kind, brought.folder) == ("file", downloads / "vocab.txt")
    (tmp_path / "mine.txt").write_bytes(b"[UNK]\n")
    brought = get({"file": str(tmp_path / "mine.txt")}, downloads)
    assert brought.folder.read_bytes() == b"[UNK]\n"
    with pytest.raises(Unavailable, match="a web page came"):
        get({"file": server.url("/page.txt", whole(PAGE))}, downloads)


# this machine ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["tfhub", "checkpoint", "huggingface", "keras", "folder"])
def test_local_folder(tmp_path: Path, downloads: Path, key: str) -> None:
    """A folder is taken where it lies, its files' checksums with it; nothing is downloaded, recorded or copied."""
    folder = tmp_path / "a model"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git/x").write_bytes(b"x")
    (folder / "vocab.txt").write_bytes(b"[PAD]\n")
    brought = get({key: str(folder)}, downloads)
    assert brought.folder == folder
    assert brought.files == {str(folder / "vocab.txt"): sha256(b"[PAD]\n")}
    assert get({key: folder.as_uri()}, downloads).folder == folder
    assert not downloads.exists()


@pytest.mark.parametrize("packed", [ZIP, tarred(FILES)], ids=["zip", "tar.gz"])
def test_local_archive(tmp_path: Path, downloads: Path, packed: bytes) -> None:
    """An archive of this machine is verified and unpacked, and so is a preprocessing model beside it."""
    (tmp_path / "model.bin").write_bytes(packed)
    here = str(tmp_path / "model.bin")
    source = {"tfhub": here, "sha256": sha256(packed), "preprocessing": here, "preprocessing_sha256": sha256(packed)}
    brought = get(source, downloads)
    assert content_of(brought.folder) == content_of(brought.preprocessing) == FILES
    assert brought.files == {here: sha256(packed)}
    for key in ("sha256", "preprocessing_sha256"):
        with pytest.raises(BadInput, match=r"model.bin: its SHA-256 is"):
            get(source | {key: sha256(b"")}, downloads)


def test_damaged_local_archive(tmp_path: Path, downloads: Path) -> None:
    """A cut archive of this machine is refused, with nothing left of it."""
    (tmp_path / "model.zip").write_bytes(ZIP[:-30])
    with pytest.raises(BadInput, match=r"model.zip: is cut or damaged"):
        get({"checkpoint": str(tmp_path / "model.zip")}, downloads)
    assert not list(tmp_path.glob("unpacked/*"))


def test_checksums_of_a_local_folder(tmp_path: Path, downloads: Path) -> None:
    """Files of a folder are verified by name; one checksum for a folder says nothing."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model/vocab.txt").write_bytes(b"[PAD]\n")
    source = {"huggingface": str(tmp_path / "model")}
    get(source | {"sha256": {"vocab.txt": sha256(b"[PAD]\n")}}, downloads)
    with pytest.raises(BadInput, match=r"vocab.txt: its SHA-256 is"):
        get(source | {"sha256": {"vocab.txt": sha256(b"")}}, downloads)
    with pytest.raises(BadInput, match=r"config.json: .*the file is not there"):
        get(source | {"sha256": {"config.json": sha256(b"")}}, downloads)
    with pytest.raises(BadInput, match="holds several files"):
        get(source | {"sha256": sha256(b"")}, downloads)


def test_absent_path(tmp_path: Path, downloads: Path) -> None:
    """A path that is not there is named."""
    with pytest.raises(Unavailable, match=r"nowhere: there is no such file or folder"):
        get({"checkpoint": str(tmp_path / "nowhere")}, downloads)


# words ----------------------------------------------------------------------------------------------------------------


def test_what_to_bring(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One way for each source of the network: which file, from where, into which folder."""
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    sources = [
        {"tfhub": "https://tfhub.dev/t/bert/2", "preprocessing": "https://tfhub.dev/t/preprocess/3"},
        {"huggingface": "owner/name"},
        {"folder": "somewhere"},
        {"kaggle": "no handle"},
    ]
    assert what_to_bring(sources, downloads) == (
        f"put one of these into {downloads} yourself:\n  bert_2.tar.gz from "
        "https://tfhub.dev/t/bert/2?tf-hub-format=compressed and preprocess_3.tar.gz from "
        "https://tfhub.dev/t/preprocess/3?tf-hub-format=compressed\n  owner_name/ with config.json, vocab.txt or "
        "tokenizer.json or sentencepiece.bpe.model or spiece.model or spm.model (if there is one), "
        "tokenizer_config.json (if there is one), "
        "model.safetensors or pytorch_model.bin from "
        "https://huggingface.co/owner/name/resolve/main/"
    )
    assert what_to_bring([{"folder": "somewhere"}], downloads) == ""


def test_shown() -> None:
    """A source is named by its kind, its place and its revision."""
    assert shown({"huggingface": "a/b", "revision": "v1"}) == "huggingface a/b at v1"
    assert shown({"checkpoint": "http://u:p@h/a.zip", "sha256": "x"}) == "checkpoint http://h/a.zip"
