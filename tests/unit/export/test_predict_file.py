"""`bert-ladder predict` on files: what stands in the output, and what is refused."""

import csv
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bert_ladder.commands.main import main
from bert_ladder.evaluation.chosen_model import Decision
from bert_ladder.export.sources import CHUNK_ROWS
from chosen_models import LABELS, linear_chosen

TEXTS = ["a lovely, bright film", 'the "dull" film', "average;\nvery average"]
ANSWERS = ["good", "bad", "fine"]
ADDED = ["prediction", *(f"probability_{label}" for label in LABELS)]
COMMAND = [sys.executable, "-m", "bert_ladder.commands.main", "predict"]
SCRIPTS = str(Path(__file__).parents[3] / "scripts")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chosen linear model of three classes."""
    return linear_chosen(tmp_path_factory.mktemp("chosen") / "linear")


def write_csv(path: Path, rows: list[dict[str, Any]], delimiter: str = ",") -> Path:
    with path.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def rows() -> list[dict[str, Any]]:
    return [{"id": f"0{i}", "text": text, "score": "1.50", "label": "?"} for i, text in enumerate(TEXTS)]


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def predict(model: Path, *arguments: Any) -> int:
    return main(["predict", str(model), *map(str, arguments)])


def refusal(capsys: pytest.CaptureFixture[str], model: Path, *arguments: Any) -> str:
    """The one sentence of a command that fails."""
    assert predict(model, *arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("bert-ladder: ")
    assert err.count("\n") == 1
    return err.removeprefix("bert-ladder: ").strip()


@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz", "csv.bz2", "csv.xz", "csv.zst"])
def test_fields_of_a_delimited_file_stay_as_they_were(model: Path, tmp_path: Path, ending: str) -> None:
    """Leading zeros, quotes, line breaks and a column of labels included, whatever packs them on both sides."""
    delimiter = "\t" if ending == "tsv" else ","
    plain = write_csv(tmp_path / "plain", rows(), delimiter)
    given = tmp_path / f"new.{'csv.gz' if '.' in ending else ending}"
    given.write_bytes(gzip.compress(plain.read_bytes()) if "." in ending else plain.read_bytes())
    output = tmp_path / f"out.{ending}"
    assert predict(model, given, "-o", output) == 0
    packed = {"gz": "gzip", "bz2": "bz2", "xz": "xz", "zst": "zstd"}.get(ending.rpartition(".")[2])
    # Pandas reads zstd by a package that is not here.
    read: Any = pa.input_stream(str(output), compression="zstd") if packed == "zstd" else output
    compression: Any = None if packed == "zstd" else packed
    found = pd.read_csv(read, sep=delimiter, dtype=str, compression=compression)
    assert list(found) == [*rows()[0], *ADDED]
    assert found[list(rows()[0])].to_dict("records") == rows()
    assert found["prediction"].tolist() == ANSWERS
    np.testing.assert_allclose(found[ADDED[1:]].astype(float).sum(axis=1), 1, atol=1e-5)


def test_objects_keep_their_values_and_their_keys(model: Path, tmp_path: Path) -> None:
    """Numbers, lists, nulls, and keys that only some rows have; half a surrogate pair is written as it came."""
    given = [{"text": text, "n": i, "more": {"a": [1, None]}} for i, text in enumerate(TEXTS)]
    given[1]["extra"] = "\ud83d"
    (tmp_path / "new.jsonl").write_text("\n\n".join(map(json.dumps, given)) + "\n")
    assert predict(model, tmp_path / "new.jsonl", "-o", tmp_path / "out.jsonl") == 0
    found = read_lines(tmp_path / "out.jsonl")
    assert [{key: row[key] for key in row if key not in ADDED} for row in found] == given
    assert [row["prediction"] for row in found] == ANSWERS
    assert found[0]["probability_good"] == pytest.approx(0.964664, abs=1e-6)


def test_tables_keep_their_types(model: Path, tmp_path: Path) -> None:
    """Dates, categories, lists and the index of pandas; a column that is described by itself is still read."""
    frame = pd.DataFrame(
        {
            "when": pd.date_range("2026-01-01", periods=3),
            "kind": pd.Categorical(["a", "b", "a"]),
            "text": TEXTS,
            "list": [[1], [], [2, 3]],
        },
        index=pd.Index([7, 8, 9], name="number"),
    )
    frame.to_parquet(tmp_path / "new.parquet")
    assert predict(model, tmp_path / "new.parquet", "-o", tmp_path / "out.parquet") == 0
    found = pd.read_parquet(tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(found[list(frame)], frame)
    assert found["prediction"].tolist() == ANSWERS
    assert found["probability_bad"].dtype == np.float64


@pytest.mark.parametrize("given", ["csv", "jsonl", "json", "parquet", "arrow"])
@pytest.mark.parametrize("wanted", ["csv", "tsv", "jsonl", "json", "parquet", "feather"])
def test_any_form_becomes_any_other(model: Path, tmp_path: Path, given: str, wanted: str) -> None:
    """The output has the form of its name."""
    frame = pd.DataFrame({"text": TEXTS, "n": ["1", None, "3"]})
    file = tmp_path / f"new.{given}"
    match given:
        case "csv":
            frame.to_csv(file, index=False)
        case "jsonl":
            frame.to_json(file, orient="records", lines=True)
        case "json":
            frame.to_json(file, orient="records")
        case "parquet":
            frame.to_parquet(file)
        case "arrow":
            frame.to_feather(file)
    output = tmp_path / f"out.{wanted}"
    assert predict(model, file, "-o", output, "-q") == 0
    match wanted:
        case "csv" | "tsv":
            found = pd.read_csv(output, sep="\t" if wanted == "tsv" else ",", dtype=str)
        case "jsonl" | "json":
            found = pd.read_json(output, lines=wanted == "jsonl", dtype=False)
        case "parquet":
            found = pd.read_parquet(output)
        case "feather":
            found = pd.read_feather(output)
    assert list(found) == ["text", "n", *ADDED]
    assert found["text"].tolist() == TEXTS
    assert found["n"].replace("", None).dropna().tolist() == ["1", "3"]
    assert found["prediction"].tolist() == ANSWERS


def test_texts_without_columns(model: Path, tmp_path: Path) -> None:
    """Lines, arrays beside those of labels, files of an archive, and a table that lies in one with its columns."""
    (tmp_path / "new.txt").write_text("a dull film\n\nlovely\n")
    np.savez(tmp_path / "new.npz", x=np.array(["a dull film", "lovely"]), y=np.array([0, 1]))
    with zipfile.ZipFile(tmp_path / "folder.zip", "w") as archive:
        archive.writestr("1.txt", "a dull film")
        archive.writestr("2.txt", "lovely")
    with zipfile.ZipFile(tmp_path / "table.zip", "w") as archive:
        archive.writestr("a.csv", "id,text\n1,a dull film\n2,lovely\n")
    for name in ("new.txt", "new.npz", "folder.zip", "table.zip"):
        assert predict(model, tmp_path / name, "-o", tmp_path / f"{name}.csv") == 0
        found = pd.read_csv(tmp_path / f"{name}.csv", dtype=str)
        assert found["prediction"].tolist() == ["bad", "good"], name
        assert found.columns[0] == {"folder.zip": "file", "table.zip": "id"}.get(name, "text")


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", "id,score\n1,0.5\n2,.7\n"), ("a.jsonl", '{"id": 1, "n": "2"}\n')]
)
def test_numbers_are_no_texts(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture, name: str, content: str
) -> None:
    """A file without a column of texts is told, not answered."""
    (tmp_path / name).write_text(content)
    assert predict(model, tmp_path / name, "-o", tmp_path / "out.csv") == 1
    assert f"{name}: cannot tell which column holds the texts, it has the" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


def test_standard_output_is_as_the_standard_input(model: Path) -> None:
    """With semicolons where it has them, and UTF-8 whatever the terminal."""
    done = subprocess.run(
        [*COMMAND, str(model), "-", "--format", "csv"],
        input="id;text\n1;schön\n".encode(),
        env=os.environ | {"PYTHONPATH": SCRIPTS, "LC_ALL": "C", "PYTHONUTF8": "0"},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().splitlines() == [
        ";".join(["id", "text", *ADDED]),
        "1;schön;bad;0.333333;0.333333;0.333333",
    ]
    assert done.stderr == b""


def test_mark_of_utf8_and_plain_quotes_stay(model: Path, tmp_path: Path) -> None:
    """Spreadsheets need the one, and a tsv that never quotes means its quotes."""
    (tmp_path / "new.tsv").write_text('\ufeffid\ttext\n1\t"dull" film\n2\t"lovely\n', encoding="utf-8")
    assert predict(model, tmp_path / "new.tsv", "-o", tmp_path / "out.tsv") == 0
    lines = (tmp_path / "out.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("\ufeffid\ttext\t")
    assert [line.split("\t")[:3] for line in lines[1:]] == [["1", '"dull" film', "bad"], ["2", '"lovely', "good"]]


def test_abstaining_leaves_the_prediction_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a csv an empty field, in the others a null; the threshold of the positive class is heeded."""
    decision = Decision(positive=1, threshold=0.2, threshold_for="f1", least_confidence=0.6)
    folder = linear_chosen(tmp_path / "chosen", ("no", "yes"), decision=decision)
    write_csv(tmp_path / "new.csv", [{"text": "lovely"}, {"text": "dull"}, {"text": "film"}])
    for ending in ("csv", "jsonl", "parquet"):
        assert predict(folder, tmp_path / "new.csv", "-o", tmp_path / f"out.{ending}") == 0
    assert "3 rows: 1 yes, 1 no, 1 not answered" in capsys.readouterr().err
    assert [line.split(",")[1] for line in (tmp_path / "out.csv").read_text().splitlines()[1:]] == ["yes", "no", ""]
    assert [row["prediction"] for row in read_lines(tmp_path / "out.jsonl")] == ["yes", "no", None]
    assert pq.read_table(tmp_path / "out.parquet")["prediction"].to_pylist() == ["yes", "no", None]


def test_temperature_and_columns_of_the_command(tmp_path: Path) -> None:
    """Probabilities are calibrated, and the text column may be named, in a file without a header too."""
    folder = linear_chosen(tmp_path / "chosen", ("no", "yes"), temperature=2.0)
    (tmp_path / "new.csv").write_text("1,dull,lovely\n2,lovely,film\n")
    assert predict(folder, tmp_path / "new.csv", "--header", "id,a,b", "--column", "b", "-o", tmp_path / "o.csv") == 0
    found = pd.read_csv(tmp_path / "o.csv")
    assert found["prediction"].tolist() == ["yes", "no"]
    assert found["probability_yes"][0] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-5)


BROKEN = {
    "few.csv": (b"id,text\n1,dull\n2\n3,lovely\n", "line 3: 1 field where the header has 2"),
    "many.csv": (b"id,text\n1,dull\n2,a,b\n3,lovely\n", "line 3: 3 fields where the header has 2"),
    "quote.csv": (b'id,text\n1,dull\n2,"a" b\n3,lovely\n', "line 3: not a csv record"),
    "latin.csv": (b"id,text\n1,dull\n\xe9,film\n3,lovely\n", "line 3: is not valid UTF-8 (byte 0xe9"),
    "empty.csv": (b"id,text\n1,dull\n2, \n3,lovely\n", "line 3: the text is empty"),
    "broken.jsonl": (b'{"text": "dull"}\n\n{"text": \n{"text": "lovely"}\n', "line 3: not JSON"),
    "array.jsonl": (b'{"text": "dull"}\n[]\n{"text": "lovely"}\n', "line 2: a list"),
    "null.jsonl": (b'{"text": "dull"}\n{"text": null}\n{"text": "lovely"}\n', "line 2: the text is missing"),
    "number.jsonl": (b'{"text": "dull"}\n{"text": 5}\n{"text": "lovely"}\n', "line 2: the text is a number, 5"),
    "key.jsonl": (b'{"text": "dull"}\n{"txt": "a"}\n{"text": "lovely"}\n', "line 2: has no 'text'"),
    "half.jsonl": (b'{"text": "dull"}\n{"text": "\\ud83d"}\n{"text": "lovely"}\n', "line 2: the text is not valid"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_row_stops_or_is_left_out(
    model: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its sentence; nothing is written then."""
    content, sentence = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    output = tmp_path / "out.jsonl"
    said = refusal(capsys, model, tmp_path / name, "-o", output)
    assert said.startswith(f"{tmp_path / name}, {sentence}")
    assert said.endswith("; or leave such rows out with --skip-broken.")
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert predict(model, tmp_path / name, "-o", output, "--skip-broken") == 0
    said = capsys.readouterr().err
    assert "2 rows: 1 bad, 1 good; 1 broken left out:\n" in said
    assert f"{tmp_path / name}, {sentence}" in said
    assert [row["prediction"] for row in read_lines(output)] == ["bad", "good"]


def test_missing_text_of_a_table_is_left_out_with_its_row(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows are counted over all batches."""
    texts = ["dull"] * CHUNK_ROWS + ["lovely", None]
    pd.DataFrame({"n": range(len(texts)), "text": texts}).to_parquet(tmp_path / "new.parquet")
    assert predict(model, tmp_path / "new.parquet", "-o", tmp_path / "out.parquet", "--skip-broken") == 0
    assert f"new.parquet, row {CHUNK_ROWS + 2}: the text is missing" in capsys.readouterr().err
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert found["n"].tolist() == list(range(CHUNK_ROWS + 1))
    assert found["prediction"].iloc[-1] == "good"


REFUSED = {
    "columns.csv": (b"a,b\n1,2\n3,4\n", "which column holds the texts, it has the columns 'a', 'b'; set --column"),
    "header.csv": (b"id,text\n", "has no rows"),
    "nothing.csv": (b"", "is empty"),
    "taken.csv": (b"text,prediction\na,b\nc,d\n", "has the column 'prediction' already"),
    "taken.jsonl": (b'{"text": "a"}\n' * 300 + b'{"text": "a", "prediction": 1}\n', "a row has 'prediction' already"),
    "all.csv": (b"id,text\n1,\n2,\n", "all 2 rows are broken"),
    "sheet.xlsx": (b"PK\x03\x04", "is damaged"),
    "cut.csv.gz": (gzip.compress(b"text\n" + os.urandom(9000).hex().encode() + b"\n")[:-900], "cannot be read"),
    "strange.dat": (b"text\ndull\n", "its name does not tell its format; set --format"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_unusable_file_is_told_in_one_sentence(
    model: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the file, and nothing is written."""
    content, sentence = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    skip = ["--skip-broken"] if name == "all.csv" else []
    said = refusal(capsys, model, tmp_path / name, "-o", tmp_path / "out.jsonl", *skip)
    assert said.startswith(f"{tmp_path / name}")
    if name != "sheet.xlsx":
        assert sentence in said
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_output_is_never_the_input_nor_something_else(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not through a link either; what is there is replaced only when asked."""
    given = write_csv(tmp_path / "new.csv", rows())
    (tmp_path / "link.csv").symlink_to(given)
    (tmp_path / "there.csv").write_text("mine")
    pd.DataFrame({"text": TEXTS}).to_parquet(tmp_path / "new.parquet")
    content = given.read_text()
    for output, force, sentence in (
        ("new.csv", True, "is the file that is read"),
        ("link.csv", True, "is the file that is read"),
        ("there.csv", False, "is there already; give another name, or --force"),
        ("", True, "is a folder"),
        ("none/out.csv", False, "there is no folder"),
        ("out.xlsx", False, "'.xlsx' is no form that is written"),
        ("out.parquet.gz", False, "parquet is packed in itself"),
    ):
        assert sentence in refusal(capsys, model, given, "-o", tmp_path / output, *["--force"][:force])
    assert "is written to a file only; name one with -o" in refusal(capsys, model, tmp_path / "new.parquet")
    assert "is not there" in refusal(capsys, model, tmp_path / "other.csv", "-o", tmp_path / "out.csv")
    assert given.read_text() == content
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert predict(model, given, "-o", tmp_path / "there.csv", "--force") == 0
    assert len(pd.read_csv(tmp_path / "there.csv")) == len(TEXTS)


def test_output_is_never_a_file_of_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not with --force either; a new file beside them may be written."""
    folder, given = linear_chosen(tmp_path / "chosen"), write_csv(tmp_path / "new.csv", rows())
    record = (folder / "model.json").read_bytes()
    for output in (folder / "model.json", tmp_path / "chosen/../chosen/model.json"):
        assert "is a file in the folder of the model" in refusal(capsys, folder, given, "-o", output, "--force")
    assert (folder / "model.json").read_bytes() == record
    assert predict(folder, given, "-o", folder / "predictions.csv") == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--delimiter", "||"], "--delimiter: found '||'; give one character, or \\t for a tab."),
        (["--delimiter", ""], "--delimiter: found ''; give one character"),
        (["--delimiter", '"'], "--delimiter: found '\"'; give one character"),
        (["--max-bytes", "-1"], "--max-bytes: found -1; give 1 or more."),
        (["-o", "x" * 300 + ".csv"], "File name too long: xxx"),
    ],
)
def test_options_that_cannot_be(
    model: Path, tmp_path: Path, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence that names the option or the name."""
    assert refusal(capsys, model, write_csv(tmp_path / "new.csv", rows()), *options).startswith(sentence)


def test_second_file_is_told(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What stands behind the first is named, and what to do; nothing is written."""
    given = write_csv(tmp_path / "new.csv", rows())
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(model), str(given), "more.csv", "-o", str(tmp_path / "out.csv")])
    assert ended.value.code == 2 and not (tmp_path / "out.csv").exists()
    assert "unrecognized arguments: more.csv; predict answers one file at a time" in capsys.readouterr().err


def test_explanation_of_each_row(model: Path, tmp_path: Path) -> None:
    """The words without which the answer would be less probable, most important first."""
    write_csv(tmp_path / "new.csv", [{"text": "Lovely, LOVELY film, dull"}, {"text": "the film"}])
    assert predict(model, tmp_path / "new.csv", "-o", tmp_path / "out.jsonl", "--explain") == 0
    found = read_lines(tmp_path / "out.jsonl")
    assert [row["because"] for row in found] == ["dull", ""]
    assert [row["prediction"] for row in found] == ["bad", "bad"]


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, id="interrupt"),
        pytest.param(signal.SIGTERM, id="terminate", marks=pytest.mark.long),
    ],
)
def test_interrupted_program_leaves_nothing(model: Path, tmp_path: Path, number: signal.Signals) -> None:
    """No half output, no hidden file, no traceback."""
    os.mkfifo(tmp_path / "ready")
    (tmp_path / "new.csv").write_text("text\n" + "dull film\n" * 3000)
    # Stops before the second chunk, so that the signal comes while the output is half written.
    code = (
        "import sys, time\n"
        "from bert_ladder.commands import main as command\n"
        "from bert_ladder.export import predicting\n"
        "answers, calls = predicting.answers, []\n"
        "def slow(*arguments):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 2:\n"
        f"        open({str(tmp_path / 'ready')!r}, 'w').close()\n"
        "        time.sleep(60)\n"
        "    return answers(*arguments)\n"
        "predicting.answers = slow\n"
        f"sys.exit(command.main(['predict', {str(model)!r}, {str(tmp_path / 'new.csv')!r}, "
        f"'-o', {str(tmp_path / 'out.csv')!r}]))\n"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": SCRIPTS}, stderr=subprocess.PIPE, text=True
    )
    (tmp_path / "ready").open().close()
    assert any(file.name.startswith(".out.csv") for file in tmp_path.iterdir())
    started.send_signal(number)
    _, err = started.communicate()
    assert started.returncode == 130
    assert err == "interrupted; no file was written.\n"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new.csv", "ready"]


def test_reader_that_stops_reading_is_no_error_to_tell(model: Path, tmp_path: Path) -> None:
    """`bert-ladder predict … | head -1`."""
    (tmp_path / "new.csv").write_text("text\n" + "dull film\n" * 20_000)
    started = subprocess.Popen(
        [*COMMAND, str(model), str(tmp_path / "new.csv")],
        env=os.environ | {"PYTHONPATH": SCRIPTS},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert started.stdout.readline().startswith(b"text,prediction")
    started.stdout.close()
    assert started.stderr.read() == b""
    assert started.wait() == 1


class Terminal(io.StringIO):
    """An error stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_terminal_sees_how_far_it_is(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes of the file or rows of a table; not with --quiet."""
    (tmp_path / "new.csv").write_text("text\ndull\n")
    pd.DataFrame({"text": TEXTS}).to_parquet(tmp_path / "new.parquet")
    for name, quiet, total in (("new.csv", [], "/10.0"), ("new.parquet", [], "/3.00"), ("new.csv", ["-q"], "")):
        monkeypatch.setattr(sys, "stderr", Terminal())
        assert predict(model, tmp_path / name, "-o", tmp_path / f"out-{name}", "--force", *quiet) == 0
        shown = sys.stderr.getvalue()
        assert shown == "" if quiet else shown.strip().startswith(f"{name}: ") and total in shown


def peak(model: Path, given: Path, output: Path) -> int:
    """The most memory that Python's own objects take while a file is predicted, in bytes."""
    tracemalloc.start()
    assert predict(model, given, "-o", output, "-q") == 0
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


@pytest.mark.parametrize(
    "ending",
    ["csv", pytest.param("jsonl", marks=pytest.mark.long), pytest.param("parquet", marks=pytest.mark.long)],
)
def test_memory_does_not_grow_with_the_file(model: Path, tmp_path: Path, ending: str) -> None:
    """Four times as many rows take no more."""
    peaks = []
    for times in (1, 1, 4):  # the first one imports and warms up
        frame = pd.DataFrame({"note": ["x" * 500] * (2 * CHUNK_ROWS * times), "text": "a dull film"})
        given = tmp_path / f"{len(peaks)}.{ending}"
        match ending:
            case "csv":
                frame.to_csv(given, index=False)
            case "jsonl":
                frame.to_json(given, orient="records", lines=True)
            case "parquet":
                frame.to_parquet(given)
        peaks.append(peak(model, given, tmp_path / f"out-{len(peaks)}.{ending}"))
    assert peaks[2] < 1.3 * peaks[1]


@pytest.mark.long
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_two_gigabytes_in_one(model: Path, tmp_path: Path, ending: str) -> None:
    """The whole process stays below a gigabyte with a file of two."""
    note = "".join(f"{i:05d} " for i in range(5000))
    count = 70_000
    given = tmp_path / f"new.{ending}"
    if ending == "parquet":
        schema = pa.schema([("note", pa.string()), ("text", pa.string())])
        with pq.ParquetWriter(given, schema, compression="none", use_dictionary=False) as writer:
            for start in range(0, count, 10_000):
                rows = [f"{i} {note}" for i in range(start, start + 10_000)]
                writer.write_table(pa.table({"note": rows, "text": ["a dull film"] * len(rows)}, schema))
    else:
        with given.open("w") as opened:
            if ending == "csv":
                opened.write("note,text\n")
            for i in range(count):
                row = {"note": f"{i} {note}", "text": "dull"}
                opened.write((f"{row['note']},dull" if ending == "csv" else json.dumps(row)) + "\n")
    assert given.stat().st_size > 2**31 - 2**26
    # Its own count of its memory: that of the system begins with what the parent had when it started the process.
    code = (
        "import re, sys; from bert_ladder.commands.main import main\n"
        "status = main(['predict', *sys.argv[1:]])\n"
        "print(status, re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(model), str(given), "-o", str(tmp_path / f"out.{ending}")],
        env=os.environ | {"PYTHONPATH": SCRIPTS},
        capture_output=True,
        text=True,
    )
    status, kibibytes = map(int, done.stdout.split())
    assert status == 0, done.stderr
    if ending == "parquet":  # its pages are compressed
        assert pq.read_metadata(tmp_path / "out.parquet").num_rows == count
    else:
        assert (tmp_path / f"out.{ending}").stat().st_size > 2**31 - 2**26
    assert kibibytes < 2**20
