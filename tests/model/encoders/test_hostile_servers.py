"""Every kind of download from every kind of bad server: told in one line, left in time, nothing of it kept."""

import hashlib
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from bert_ladder.data.mirrors import Published, download_dataset
from bert_ladder.encoders.fetching import take_first
from bert_ladder.files.downloading import Patience
from servers import (
    Answer,
    Server,
    bare,
    cut_after,
    dripping,
    new_certificate,
    reset_after,
    serving,
    status,
    whole,
)

# The archive of the good mirror.
ARCHIVE = Path(__file__).parents[2] / "fixtures/encoders/checkpoint_usual.zip"
SUM = hashlib.sha256(ARCHIVE.read_bytes()).hexdigest()
IMPATIENT = Patience(attempts=2, first_wait=0.01, longest_wait=0.02, connect_timeout=1, read_timeout=0.25)

# What is fetched, from a bad server's address; all of it is expected to have SUM.
SOURCES: dict[str, Callable[[str], dict]] = {
    "TF Hub": lambda server: {"tfhub": f"{server}/bert/1"},
    "Kaggle": lambda server: {"kaggle": "me/bert/tensorFlow2/tiny/1"},
    "checkpoint": lambda server: {"checkpoint": f"{server}/bert.zip"},
    "Hugging Face": lambda server: {"huggingface": "me/bert"},
    "preset of Kaggle": lambda server: {"keras": "kaggle://me/bert/keras/tiny/3"},
    "preset of Hugging Face": lambda server: {"keras": "hf://me/preset"},
    "vocabulary": lambda server: {"file": f"{server}/vocab.txt"},
    "preprocessing": lambda server: {"tfhub": str(ARCHIVE), "preprocessing": f"{server}/preprocess/3"},
}
DOWNLOADS = ["data set", *SOURCES]

MISDEEDS: dict[str, tuple[Answer, str]] = {
    "too long a length": (cut_after(1000), "closed the connection before all had come"),
    "too short a length": (whole(Content_Length="1000"), "its SHA-256 is"),
    "no length": (whole(Content_Length="many"), "announces a length of many bytes"),
    "another file": (whole(), "its SHA-256 is"),
    "nothing": (whole(b""), "the file is empty"),
    "cut chunks": (bare(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n01"), "before all had come"),
    "ring": (status(302, Location="?again"), "more than 10 redirects"),
    "to a file": (status(302, Location="file:///etc/hostname"), "not http or https"),
    "to no address": (status(302, Location="http://\xff/"), "redirects to no address"),
    "silent": (lambda handler: time.sleep(1), "timed out"),
    "dripping headers": (dripping(b"HTTP/1.1 200 OK\r\nETag: "), "only .* bytes came in"),
    "dripping body": (dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"), "only .* bytes came in"),
    "dripping chunks": (dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "only .* bytes came in"),
    "closing at once": (bare(b""), "closed the connection without an answer"),
    "reset": (reset_after(1000), "Connection reset by peer"),
    "no HTTP": (bare(b"220 ready\r\n"), "answers with what is not HTTP"),
    **{f"HTTP {code}": (status(code), f"HTTP {code}") for code in (403, 404, 429, 500)},
    **{
        f"HTTP {code}, Retry-After: {after}": (status(code, Retry_After=after), f"HTTP {code}.*{said}")
        for code in (429, 500)
        for after, said in {
            "0": "",
            "-5": "",
            "soon": "",
            "Wed, 21 Oct 2015 07:28:00 GMT": "",
            "99999999999": "to be asked again in",
            "Fri, 31 Dec 9999 23:59:59 GMT": "to be asked again in",
        }.items()
    },
}


# Each misdeed meets one download and each download several misdeeds; all other pairs are long.
PAIRS = [
    pytest.param(kind, misdeed, marks=[] if number % len(DOWNLOADS) == place else pytest.mark.long)
    for number, misdeed in enumerate(MISDEEDS)
    for place, kind in enumerate(DOWNLOADS)
]


def assert_left_for_the_good_one(
    kind: str, bad: str, folder: Path, good: Server, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Fetch from a bad server and a good mirror: the log says in one line why the bad one was left; nothing is kept."""
    mirror = good.url("/good.zip", whole(ARCHIVE.read_bytes()))
    if kind == "data set":
        there = folder / "data.zip"
        published = Published([f"{bad}/data.zip", mirror], SUM)
        download_dataset(published, there, folder / "data.zip.json", {}, IMPATIENT)
    else:
        source = SOURCES[kind](bad)
        sums = {"config.json": SUM, "metadata.json": SUM} if "ugging" in kind else SUM
        source |= {"preprocessing_sha256": SUM} if kind == "preprocessing" else {"sha256": sums}
        taken = []
        take_first([source, {"checkpoint": mirror}], lambda source, _: taken.append(source), "mine", folder, IMPATIENT)
        assert taken == [{"checkpoint": mirror}]
        there = folder / "good.zip"
    assert there.read_bytes() == ARCHIVE.read_bytes()
    beside = {"data.zip.json"} if kind == "data set" else {"checksums.json"}
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {there.name} | beside
    [left] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "\n" not in left
    assert re.search(reason, left), left


@pytest.mark.parametrize(("kind", "misdeed"), PAIRS)
def test_bad_server_is_left_for_the_next(
    kind: str,
    misdeed: str,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever is fetched, and however its first server fails."""
    answer, reason = MISDEEDS[misdeed]
    with serving(Server()) as bad:
        bad.answers = defaultdict(lambda: [answer])
        address = f"http://127.0.0.1:{bad.server_port}"
        for host in ("HF_ENDPOINT", "KAGGLE_API_ENDPOINT"):
            monkeypatch.setenv(host, address)
        assert_left_for_the_good_one(kind, address, tmp_path, server, reason, caplog)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl, which makes the certificate, is not installed")
@pytest.mark.parametrize(
    "kind", [DOWNLOADS[0], *(pytest.param(kind, marks=pytest.mark.long) for kind in DOWNLOADS[1:])]
)
def test_server_of_an_unknown_certificate_is_left_for_the_next(
    kind: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is asked for nothing, whatever is fetched."""
    with serving(Server(new_certificate(tmp_path / "certificate.pem"))) as bad:
        bad.answers = defaultdict(lambda: [whole()])
        address = f"https://127.0.0.1:{bad.server_port}"
        for host in ("HF_ENDPOINT", "KAGGLE_API_ENDPOINT"):
            monkeypatch.setenv(host, address)
        reason = "its certificate is not accepted: self-signed"
        assert_left_for_the_good_one(kind, address, tmp_path / "downloads", server, reason, caplog)
        assert bad.seen == []
