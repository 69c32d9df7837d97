"""download_dataset: mirrors in order, and the record of what came."""

import hashlib
import json
import time
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace

import pytest

from bert_ladder.data.mirrors import Published, download_dataset
from bert_ladder.files.downloading import Patience
from bert_ladder.runtime.jobs import BadInput
from download_dataset import main
from servers import CONTENT, ETAG, QUICK, Server, cut_after, status, whole, with_ranges

SHA256 = hashlib.sha256(CONTENT).hexdigest()


def fetch(folder: Path, *locations: str, sha256: str | None = SHA256, patience: Patience = QUICK) -> dict:
    """Download to `folder`/data.bin and return the record."""
    published = Published(locations, sha256, study="micro")
    download_dataset(published, folder / "data.bin", folder / "data.bin.json", {"sha256": sha256}, patience)
    return json.loads((folder / "data.bin.json").read_text())


def assert_whole(folder: Path) -> None:
    assert (folder / "data.bin").read_bytes() == CONTENT
    assert sorted(path.name for path in folder.iterdir()) == ["data.bin", "data.bin.json"]


def assert_nothing(folder: Path) -> None:
    assert not (folder / "data.bin").exists()
    assert not (folder / "data.bin.json").exists()


def test_fetches_and_records(tmp_path: Path, server: Server) -> None:
    """A verified download leaves the file, its record and nothing else."""
    url = server.url("/data.bin", whole())
    record = fetch(tmp_path, url)
    assert_whole(tmp_path)
    assert {key: record[key] for key in ("source", "sha256", "bytes", "verified")} == {
        "source": url,
        "sha256": SHA256,
        "bytes": len(CONTENT),
        "verified": True,
    }
    assert record["retrieved"].endswith("+00:00")
    assert (record["study"], record["params"]) == ("micro", {"sha256": SHA256})


def test_records_checksum_when_none_is_given(tmp_path: Path, server: Server) -> None:
    """Without an expected checksum the found one is recorded as not verified."""
    record = fetch(tmp_path, server.url("/data.bin", whole()), sha256=None)
    assert (record["sha256"], record["verified"]) == (SHA256, False)


def test_main_maps_the_job(tmp_path: Path) -> None:
    """What the job does stands in its settings; what Snakemake compared goes into the record."""
    there = tmp_path / "there.bin"
    there.write_bytes(CONTENT)
    out = tmp_path / "out"
    job = SimpleNamespace(
        output=SimpleNamespace(data=str(out / "data.bin"), record=str(out / "data.bin.json")),
        params=SimpleNamespace(
            compared={"sha256": "of before"},
            settings={"locations": ["not-here", str(there)], "sha256": SHA256, "study": "micro"},
        ),
    )
    main(job)
    assert_whole(out)
    record = json.loads((out / "data.bin.json").read_text())
    assert (record["verified"], record["params"]) == (True, {"sha256": "of before"})


def test_next_mirror_after_a_missing_file(tmp_path: Path, server: Server) -> None:
    """A 404 is not repeated; the next mirror is asked."""
    record = fetch(tmp_path, server.url("/gone", status(404)), server.url("/data.bin", whole()))
    assert [path for path, _ in server.seen] == ["/gone", "/data.bin"]
    assert record["source"].endswith("/data.bin")


def test_next_mirror_after_a_wrong_checksum(tmp_path: Path, server: Server) -> None:
    """A mirror with other bytes is passed over, and nothing of it stays."""
    fetch(tmp_path, server.url("/old", with_ranges(b"other bytes")), server.url("/data.bin", whole()))
    assert_whole(tmp_path)


def test_wrong_checksum_names_both(tmp_path: Path, server: Server) -> None:
    """When no mirror has the right bytes the sentence gives the expected and the found checksum."""
    with pytest.raises(BadInput) as caught:
        fetch(tmp_path, server.url("/old", whole(b"other bytes")))
    assert SHA256 in str(caught.value)
    assert hashlib.sha256(b"other bytes").hexdigest() in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_sentence_lists_every_location(tmp_path: Path, server: Server) -> None:
    """When all locations fail each is named with its reason, and the way out is said."""
    (tmp_path / "folder").mkdir()
    locations = [
        str(tmp_path / "absent.csv"),
        str(tmp_path / "folder"),
        "file://elsewhere/data.csv",
        "ftp://example.org/data.csv",
        server.url("/gone", status(404)),
        server.url("/closed", status(403)),
    ]
    with pytest.raises(BadInput) as caught:
        fetch(tmp_path / "out", *locations)
    message = str(caught.value)
    for location, reason in zip(
        locations,
        ["no such file", "is a folder", "another machine", "ftp:// is not", "HTTP 404", "HTTP 403"],
        strict=True,
    ):
        assert location in message
        assert reason in message
    assert "dataset.<split>.url" in message
    assert "\n" not in message
    assert_nothing(tmp_path / "out")


def test_retry_after_has_a_limit(tmp_path: Path, server: Server) -> None:
    """A server that asks for an hour is left for the next mirror at once."""
    later = formatdate(time.time() + 3600, usegmt=True)
    for asked in ("3600", later):
        fetch(tmp_path, server.url("/busy", status(503, Retry_After=asked)), server.url("/data.bin", whole()))
    assert [path for path, _ in server.seen] == ["/busy", "/data.bin"] * 2


def test_password_is_never_shown(tmp_path: Path, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """User name and password reach the server, but neither the log nor the record nor the sentence."""
    url = server.url("/data.bin", whole()).replace("http://", "http://user:word@")
    with caplog.at_level("INFO"):
        record = fetch(tmp_path, url)
    assert server.seen[0][1]["Authorization"].startswith("Basic ")
    assert "word" not in json.dumps(record) + caplog.text


def test_local_copy_drops_the_part_of_an_address(tmp_path: Path, server: Server) -> None:
    """A part that was begun from an address is not mistaken for one after a copy from a path failed."""
    out = tmp_path / "out"
    url = server.url("/data.bin", cut_after(200_000, ETag=ETAG), status(404), with_ranges())
    with pytest.raises(BadInput):
        fetch(out, url)
    other = tmp_path / "other.bin"
    other.write_bytes(b"x" * 300_000)
    fetch(out, str(other), url)
    assert_whole(out)
