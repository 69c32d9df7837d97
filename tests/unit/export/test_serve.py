"""`bert-ladder serve`: what is answered, what is refused and how, and that nothing is lost under load."""

import contextlib
import http.client
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bert_ladder.commands.main import main
from bert_ladder.evaluation.chosen_model import Decision
from bert_ladder.export import load
from bert_ladder.export.limits import Limits
from bert_ladder.export.loading import Classifier
from bert_ladder.export.questions import Question, Unwanted, Worker, parts_of
from bert_ladder.export.serving import Address, allowed_hosts
from bert_ladder.runtime.jobs import BadInput
from chosen_models import LABELS, linear_chosen
from served import JSON, ask, served

LIMITS = Limits(texts=3, characters=100, bytes=5000, seconds=30)
SCRIPTS = str(Path(__file__).parents[3] / "scripts")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chosen linear model of three classes."""
    return linear_chosen(tmp_path_factory.mktemp("chosen") / "linear")


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    """Where it is served, with small limits."""
    with served(lambda: load(folder), LIMITS) as port:
        yield port


def predict(port: int, **question: Any) -> list[dict[str, Any]]:
    """The answers to a question that is not refused."""
    status, _, found = ask(port, "POST", "/predict", question)
    assert status == 200, found
    return found["answers"]


class Slow(Classifier):
    """Waits before each piece of its work until it is told to go on."""

    def __init__(self, model: Classifier) -> None:
        super().__init__(model.chosen, model.engine, model._predictor)
        self.asked, self.go_on = threading.Semaphore(0), threading.Semaphore(0)

    def probabilities(self, texts: Any) -> np.ndarray:
        self.asked.release()
        self.go_on.acquire(timeout=60)
        return super().probabilities(texts)


class Broken(Classifier):
    """Fails, and says of which text."""

    def probabilities(self, texts: Any) -> np.ndarray:
        raise RuntimeError(f"cannot read {texts[0]}")


def test_answers_are_those_of_the_model(folder: Path, port: int) -> None:
    """In the order of the texts, with the probability of each class; one text is answered as several are."""
    texts = ["a lovely film", "the dull film", "était-ce 👍 average?"]
    found = predict(port, texts=texts)
    model = load(folder)
    assert [one["label"] for one in found] == ["good", "bad", "fine"]
    assert [one["forced_label"] for one in found] == ["good", "bad", "fine"]
    assert [list(one["probabilities"]) for one in found] == [list(LABELS)] * 3
    np.testing.assert_allclose([[*one["probabilities"].values()] for one in found], model.probabilities(texts))
    assert predict(port, text=texts[0]) == found[:1]
    assert predict(port, texts=texts[:1], explain=False) == found[:1]


def test_explanation_marks_words_where_they_stand(port: int) -> None:
    """The parts make up the text, whatever lies between the words, and each word has its drop."""
    text = "\tLovely 👍, LOVELY film\nand dull"
    ((_, _, _, because),) = (one.values() for one in predict(port, text=text, explain=True))
    assert because["label"] == "bad"
    assert [one["word"] for one in because["words"]] == ["dull"]
    drop = because["words"][0]["drop"]
    assert because["parts"] == [{"text": text[:-4], "drop": 0}, {"text": "dull", "drop": drop}]
    assert drop > 0
    assert parts_of("a b, A", {"a": 0.5}) == [
        {"text": "a", "drop": 0.5},
        {"text": " b, ", "drop": 0},
        {"text": "A", "drop": 0.5},
    ]


def test_abstaining(tmp_path: Path) -> None:
    """Where no answer is given, there is still what it had been, also by a threshold."""
    decision = Decision(positive=1, threshold=0.3, least_confidence=0.6)
    folder = linear_chosen(tmp_path / "two", ("bad", "good"), decision=decision)
    with served(lambda: load(folder)) as port:
        unsure, sure = predict(port, texts=["the film", "lovely, bright"], explain=True)
        assert ask(port, "GET", "/model")[2]["decision"]["threshold"] == 0.3
    assert (unsure["label"], unsure["forced_label"]) == (None, "good")
    assert unsure["probabilities"] == {"bad": 0.5, "good": 0.5}
    assert unsure["because"] == {"label": "good", "words": [], "parts": [{"text": "the film", "drop": 0}]}
    assert sure["label"] == "good"


def test_model_and_health(port: int) -> None:
    """What model.json says, and what may be asked."""
    status, _, found = ask(port, "GET", "/model")
    assert status == 200
    assert found["row"] == "NB-SVM"
    assert found["study"] == "small"
    assert found["labels"] == list(LABELS)
    assert found["decision"]["least_confidence"] is None
    assert found["limits"] == {"texts": 3, "characters": 100, "bytes": 5000, "seconds": 30, "waiting": 256}
    assert ask(port, "GET", "/health")[::2] == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"", 400, "is not JSON"),
        (b"text=good", 400, "is not JSON"),
        (b'{"text": "\xff"}', 400, "is not JSON in UTF-8"),
        (b"[" * 4000, 400, "is not JSON"),
        (b'{"text": ' + b"9" * 4500 + b"}", 400, "is not JSON"),
        (["good"], 400, "the body is a list; send an object"),
        (None, 400, "is not JSON"),
        ({}, 400, 'either "text", a string, or "texts"'),
        ({"text": "a", "texts": ["a"]}, 400, "and not both"),
        ({"txt": "a"}, 400, "the key 'txt' is unknown; the keys are text, texts, explain"),
        ({"\ud800": "a"}, 400, r"the key '\ud800' is unknown"),
        ({"text": 5}, 400, '"text" is a number; give a string'),
        ({"text": None}, 400, '"text" is null'),
        ({"text": ["a"]}, 400, '"text" is a list'),
        ({"text": " \n"}, 400, '"text" is empty; give a text'),
        ({"text": "a\ud800"}, 400, '"text" has half a surrogate pair at character 2'),
        ({"text": "a" * 101}, 413, '"text" has 101 characters, and 100 are allowed'),
        ({"texts": "a"}, 400, '"texts" is a string; give a list'),
        ({"texts": []}, 400, '"texts" is empty'),
        ({"texts": ["a", True]}, 400, 'text 2 of "texts" is true or false'),
        ({"texts": ["a", {}]}, 400, 'text 2 of "texts" is an object'),
        ({"texts": ["a", ""]}, 400, 'text 2 of "texts" is empty'),
        ({"texts": ["a"] * 4}, 413, '"texts" has 4, and 3 are allowed'),
        ({"text": "a", "explain": 1}, 400, '"explain" is a number; give true or false'),
        (b"a" * 5001, 413, "more than the 5,000 bytes"),
        (b"a" * 10_000_000, 413, "more than the 5,000 bytes"),
    ],
)
def test_bad_question_gets_a_sentence(port: int, body: Any, status: int, sentence: str) -> None:
    """As JSON, and the server goes on."""
    found_status, _, found = ask(port, "POST", "/predict", body)
    assert (found_status, list(found)) == (status, ["error"])
    assert sentence in found["error"]
    assert found["error"].endswith(".")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_read(port: int, kind: str) -> None:
    """A page elsewhere can send these without asking first."""
    status, _, found = ask(port, "POST", "/predict", {"text": "a"}, {"Content-Type": kind})
    assert status == 415
    assert "Content-Type is not application/json" in found["error"]
    assert ask(port, "POST", "/predict", {"text": "a"}, {"Content-Type": "Application/JSON; charset=utf-8"})[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/predict", "POST"),
        ("OPTIONS", "/predict", "POST"),
        ("POST", "/model", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
    ],
)
def test_other_methods(port: int, method: str, path: str, allowed: str) -> None:
    """Nothing is said to a page elsewhere that asks whether it may."""
    status, headers, found = ask(port, method, path)
    assert status == 405
    assert headers["allow"] == allowed
    assert found == {"error": f"{path} takes {allowed}."}
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path", ["/predict/", "/other", "/index.html", "/../page.js", "/%2e%2e/page.js", "//", "/page.css/x"]
)
def test_other_paths(port: int, path: str) -> None:
    """No file but those of the page, and no redirection."""
    status, _, found = ask(port, "GET", path)
    assert status == 404
    assert "there is no such path" in found["error"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8000", 200),
        ("evil.example", 421),
        ("evil.example:8000", 421),
        ("localhost.evil.example", 421),
        ("evil@localhost", 421),
        ("127.0.0.1.", 421),
        ("localhost:", 421),
        ("", 421),
    ],
)
def test_host_header(port: int, host: str, status: int) -> None:
    """A name that leads here without being ours is how a page elsewhere would ask (DNS rebinding)."""
    for method, path, body in (("GET", "/", None), ("POST", "/predict", {"text": "a"}), ("GET", "/none", None)):
        found = ask(port, method, path, body, {"Host": host})
        assert found[0] == (404 if status == 200 and path == "/none" else status)
        if status != 200:
            assert "names another server" in found[2]["error"]


def test_host_header_twice_or_missing(port: int) -> None:
    """Which of two is meant is not guessed."""
    for request in (b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(request)
            assert re.match(rb"HTTP/1.1 4\d\d ", connection.recv(100))


def test_names_by_which_a_server_may_be_asked() -> None:
    """Loopback by any of its names; beside it only what is given, which must be, where others can ask."""
    assert allowed_hosts(Address()) == {"localhost", "127.0.0.1", "[::1]"}
    assert "[::1]" in allowed_hosts(Address("::1"))
    assert "127.0.0.2" in allowed_hosts(Address("127.0.0.2"))
    assert {"my-machine", "[fe80::1]"} < allowed_hosts(Address("0.0.0.0", allowed=["My-Machine", "fe80::1"]))
    for address in (Address("0.0.0.0"), Address("::"), Address("192.0.2.1"), Address("my-machine")):
        with pytest.raises(BadInput, match=r"^--host .*: other machines can ask there; name with --allow-host"):
            allowed_hosts(address)
    for name in ("http://my-machine", "my-machine:8000", "*", ""):
        with pytest.raises(BadInput, match="give a name or an address without port"):
            allowed_hosts(Address(allowed=[name]))


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/icon.svg", "/model", "/none"])
def test_headers_keep_a_browser_careful(port: int, path: str) -> None:
    """No script but the page's own, nothing kept, no frame around it."""
    _, headers, _ = ask(port, "GET", path)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_load_loses_nothing(folder: Path) -> None:
    """A thousand requests, sixteen at once: each gets the answer to its own text."""
    texts = ["lovely", "dull", "average"]
    answers = dict(zip(texts, ["good", "bad", "fine"], strict=True))

    def send(first: int) -> list[bool]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        right = []
        for number in range(first, 1000, 16):
            text = texts[number % 3]
            connection.request("POST", "/predict", json.dumps({"text": f"{text} film {number}"}), JSON)
            answer = connection.getresponse()
            right.append(answer.status == 200 and json.load(answer)["answers"][0]["label"] == answers[text])
        connection.close()
        return right

    with served(lambda: load(folder)) as port, ThreadPoolExecutor(16) as pool:
        right = [one for many in pool.map(send, range(16)) for one in many]
    assert len(right) == 1000
    assert all(right)


def test_answer_that_takes_too_long_is_given_up(folder: Path) -> None:
    """After its time a request is told so; the rest of its work is not done, and the next is answered."""
    model = Slow(load(folder))
    with served(lambda: model, Limits(seconds=1)) as port:
        status, headers, found = ask(port, "POST", "/predict", {"texts": ["dull"] * 200})
        assert status == 503
        assert "no answer within 1 s" in found["error"]
        assert headers["retry-after"]
        for _ in range(9):
            model.go_on.release()
        status, _, _ = ask(port, "POST", "/predict", {"text": "dull"})
        assert status == 200
    assert model.asked._value == 2  # one piece of four, and the next request


def test_work_for_one_who_has_left_is_given_up(folder: Path) -> None:
    """As when a tab is closed."""
    model = Slow(load(folder))
    with served(lambda: model) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/predict", json.dumps({"texts": ["dull"] * 200}), JSON)
        assert model.asked.acquire(timeout=60)
        connection.close()
        # Whoever is answered after that knows that the server has seen it, before the piece at hand ends.
        for _ in range(3):
            assert ask(port, "GET", "/health")[0] == 200
        for _ in range(9):
            model.go_on.release()
        assert ask(port, "POST", "/predict", {"text": "dull"})[0] == 200
    assert model.asked._value == 1


def test_more_requests_than_may_wait_are_refused(folder: Path) -> None:
    """At once, and those that wait are answered."""
    model = Slow(load(folder))
    with served(lambda: model, Limits(waiting=1)) as port, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, port, "POST", "/predict", {"text": "dull"})
        assert model.asked.acquire(timeout=60)
        status, headers, found = ask(port, "POST", "/predict", {"text": "lovely"})
        assert status == 503
        assert headers["retry-after"]
        assert "too many requests wait" in found["error"]
        model.go_on.release()
        assert waiting.result()[0] == 200


def test_work_is_given_up_at_the_end(folder: Path) -> None:
    """The question at hand after its piece, those behind it at once."""
    model = Slow(load(folder))
    worker = Worker(lambda: model)
    at_hand, _ = worker.ask(Question(["dull"] * 200, False), 60)
    behind, _ = worker.ask(Question(["dull"], False), 60)
    assert worker.waiting == 2
    assert model.asked.acquire(timeout=60)
    worker.give_up()
    model.go_on.release()
    assert isinstance(at_hand.exception(), Unwanted)
    assert behind.cancelled()
    worker.close()
    assert worker.closed
    assert worker.waiting == 0


def test_slow_body_is_refused(folder: Path) -> None:
    """One who never ends what they say does not keep the line."""
    with (
        served(lambda: load(folder), Limits(seconds=0.2)) as port,
        socket.create_connection(("127.0.0.1", port)) as line,
    ):
        line.settimeout(60)
        line.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        line.sendall(b'Content-Length: 50\r\n\r\n{"text": ')
        assert line.recv(1000).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("before", [b"", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"], ids=["first", "next"])
def test_dripping_headers_are_refused(before: bytes, folder: Path) -> None:
    """Each byte comes soon behind the other, and the request never ends; a first one changes nothing."""
    with (
        served(lambda: load(folder), Limits(seconds=0.5)) as port,
        socket.create_connection(("127.0.0.1", port)) as line,
    ):
        line.settimeout(60)
        line.sendall(before)
        answered = b""
        while before and not answered.endswith(b'{"status":"ok"}'):
            answered += line.recv(2000)
        line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        line.setblocking(False)
        said = b""
        for _ in range(600):
            with contextlib.suppress(BlockingIOError):
                said = line.recv(2000)
                break
            line.send(b"a")
            time.sleep(0.1)
        assert said.startswith(b"HTTP/1.1 408 ")
        assert json.loads(said.partition(b"\r\n\r\n")[2]) == {
            "error": "the request was not there in time; send it faster."
        }


def test_connection_that_says_nothing_is_closed(folder: Path) -> None:
    """Or not even that; others are answered meanwhile, and keep their line."""
    with (
        served(lambda: load(folder), Limits(seconds=0.5)) as port,
        socket.create_connection(("127.0.0.1", port)) as line,
    ):
        line.settimeout(60)
        assert ask(port, "GET", "/health")[0] == 200
        assert line.recv(1000) == b""


def test_answers_that_nobody_reads_are_dropped(folder: Path) -> None:
    """One who asks again and again without reading does not keep the line."""
    request = b"GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with (
        served(lambda: load(folder), Limits(seconds=0.2)) as port,
        socket.create_connection(("127.0.0.1", port)) as line,
    ):
        line.settimeout(60)
        with pytest.raises(ConnectionError):
            for _ in range(100_000):
                line.sendall(20 * request)


def test_no_text_is_logged(folder: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """Also not where the model fails with the text in its words; that is told with its place."""
    linear = load(folder)
    caplog.set_level(logging.DEBUG)
    with served(lambda: Broken(linear.chosen, linear.engine, linear._predictor)) as port:
        status, _, found = ask(port, "POST", "/predict", {"text": "a secret"})
        assert (status, found) == (500, {"error": "the model failed; the terminal of the server says where."})
        assert ask(port, "GET", "/health")[0] == 200
    with served(lambda: linear) as port:
        for body in ({"text": "a secret"}, {"text": "a secret", "more": 1}, b'"a secret'):
            ask(port, "POST", "/predict", body)
    said = "".join([*capfd.readouterr(), caplog.text])
    assert "secret" not in said
    assert re.search(r"a request failed: RuntimeError at test_serve\.py:\d+", said)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, id="interrupt"),
        pytest.param(signal.SIGTERM, id="terminate", marks=pytest.mark.long),
    ],
)
def test_command_until_it_is_told_to_end(folder: Path, number: signal.Signals) -> None:
    """It says where it is, answers there, and ends quietly, with a connection open too."""
    command = [sys.executable, "-m", "bert_ladder.commands.main", "serve", str(folder), "--port", "0"]
    started = subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": SCRIPTS}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = started.stdout.readline()
        port = int(
            re.fullmatch(r"NB-SVM of the study small on http://127\.0\.0\.1:(\d+)/ \(Ctrl-C ends it\)\n", line)[1]
        )
        assert predict(port, text="lovely")[0]["label"] == "good"
        with socket.create_connection(("127.0.0.1", port)):
            started.send_signal(number)
            out, err = started.communicate(timeout=60)
    finally:
        started.kill()
    assert (out, err, started.returncode) == ("", "", 0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--port {taken}", r"--port: \d+ is in use; give another, or 0 for a free one\."),
        ("--port 70000", r"--port: found 70000; give one up to 65535, or 0 for a free one\."),
        ("--port 0 --host no.such.name.invalid --allow-host a", r"--host: no\.such.* is no address of this machine .*"),
        ("--port 0 --host 192.0.2.1 --allow-host a", r"--host: 192\.0\.2\.1 is no address of this machine .*"),
        ("--host 0.0.0.0", r"--host 0\.0\.0\.0: other machines can ask there; .*"),
        ("--max-texts 0", r"--max-texts: found 0; give a number above 0\."),
        ("--max-seconds nan", r"--max-seconds: found nan; give a number above 0\."),
        ("--threads 0", r"--threads: found 0; give 1 or more\."),
    ],
)
def test_command_that_cannot_serve(
    folder: Path, options: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, before the model is opened."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        arguments = options.format(taken=taken.getsockname()[1]).split()
        assert main(["serve", str(folder), *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(f"bert-ladder: {sentence}\n", err), err


def test_command_without_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder is refused as by the other commands."""
    assert main(["serve", str(tmp_path), "--port", "0"]) == 1
    assert "is no chosen model" in capsys.readouterr().err
