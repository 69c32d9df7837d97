"""`make check-sources`: which sources answer, without downloading them."""

import importlib.util
from pathlib import Path

import pytest

from servers import Handler, Server, status, whole

PROJECT = Path(__file__).parents[3]
SPEC = importlib.util.spec_from_file_location("check_sources", PROJECT / "catalog/check_sources.py")
check_sources = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_sources)


def first_byte(handler: Handler) -> None:
    """What a host of large files answers to a range."""
    handler.send(206, b"x", Content_Range="bytes 0-0/50000000")


def never_sent(handler: Handler) -> None:
    """A file whose body is never sent: whoever reads it waits."""
    handler.send(200, Content_Length="1000000")
    handler.close_connection = True


def test_each_source_gets_its_state(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers is told with its size, and so is why another does not."""
    monkeypatch.setenv("HF_ENDPOINT", server.url("/ring", status(302, Location="/ring")).removesuffix("/ring"))
    for file in ("config.json", "tokenizer_config.json", "vocab.txt", "pytorch_model.bin"):
        server.url(f"/owner/name/resolve/main/{file}", never_sent)
    server.url("/owner/name/resolve/main/model.safetensors", status(404))
    sources = [
        {"checkpoint": server.url("/bert.zip", first_byte)},
        {"checkpoint": server.url("/gone.zip", status(404))},
        {"checkpoint": server.url("/login.zip", whole(b"<html>", Content_Type="text/html; charset=utf-8"))},
        {"checkpoint": server.url("/ring", status(302, Location="/ring"))},
        {"checkpoint": "http://127.0.0.1:9/bert.zip"},
        {"huggingface": "owner/name"},
    ]
    rows, unreachable = check_sources.check({"one": sources, "none": sources[1:3]})
    assert [row[2] for row in rows[:6]] == [
        *("answers", "HTTP 404 Not Found", "a web page", "redirects for ever", "no connection", "answers")
    ]
    assert [row[3] for row in rows[:6]] == ["50.0", "", "", "", "", "4.0"]
    assert unreachable == ["none"]


def test_files_of_this_machine_are_looked_for(tmp_path: Path) -> None:
    """A source without an address, as a user may add one, is there or not; nobody is asked."""
    sources = [{"sha256": "ab", "checkpoint": str(tmp_path)}, {"folder": str(tmp_path / "none")}]
    rows, unreachable = check_sources.check({"mine": sources})
    assert [row[1:3] for row in rows] == [
        [f"checkpoint {tmp_path}", "is here"],
        [f"folder {tmp_path}/none", "is not on this machine"],
    ]
    assert unreachable == []


def test_a_package_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package is no file of this machine: the index is asked, here one that nobody serves."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    rows, unreachable = check_sources.check({"mine": [{"package": "none-such==1.0", "file": "model"}]})
    assert rows[0][1] == "package none-such==1.0"
    assert rows[0][2].startswith("the package index")
    assert unreachable == ["mine"]


def test_a_file_that_stands_for_another_is_enough() -> None:
    """A repository without model.safetensors answers if it has pytorch_model.bin; without both it does not."""
    files = check_sources.remote_files({"huggingface": "owner/name"})
    there = check_sources.Answer(True, "answers", 1, 0.0)
    gone = check_sources.Answer(False, "HTTP 404 Not Found", None, 0.0)
    weights = ("model.safetensors", "pytorch_model.bin")
    answers = {file.address: gone if file.name.endswith(weights) else there for file in files}
    state = check_sources.state_of(files, answers)
    assert not state.there
    assert state.words.endswith("model.safetensors: HTTP 404 Not Found")
    assert check_sources.state_of(files, answers | {files[-1].address: there}).there


def test_names_choose_encoders_and_their_vocabularies() -> None:
    """Asking for one encoder asks for its vocabulary too; an unknown name is told."""
    schema = check_sources.yaml.safe_load((PROJECT / "schemas/encoders.schema.yaml").read_text())
    catalog = check_sources.load_catalog(PROJECT / "catalog/encoders.yaml", schema)
    assert list(check_sources.chosen(catalog, ["tiny"])) == ["bert_uncased", "bert_uncased_L-2_H-128_A-2"]
    assert list(check_sources.chosen(catalog, ["german"])) == ["bert_base_german_cased"]
    assert list(check_sources.chosen(catalog, [])) == [*catalog["vocabularies"], *catalog["encoders"]]
    with pytest.raises(check_sources.StudyError, match="tinny: there is no such encoder"):
        check_sources.chosen(catalog, ["tinny"])
