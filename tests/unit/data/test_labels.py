"""Labels as people write them: alike, missing, too many, too rare."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bert_ladder.data.audit import rare_classes
from bert_ladder.data.class_weights import check_weights
from bert_ladder.data.copies import Copy, published_file
from bert_ladder.data.frames import (
    LABEL_COLUMN,
    SplitPaths,
    pack_texts,
    read_classes,
    read_frame,
    read_npz,
    write_classes,
    write_npz,
)
from bert_ladder.data.ingestion import HeldOut, build_npz
from bert_ladder.data.label_encoding import NamedLabels, build_frame
from bert_ladder.data.labels import build_labels, select_positive
from bert_ladder.data.rare_classes import RareClasses
from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.data.validation import ValidationOutputs, ValidationSources, build_validation
from bert_ladder.report.shares import rare_in_words
from bert_ladder.runtime.jobs import BadInput

FORMS = ("csv", "jsonl", "parquet", "npz")


def write(path: Path, texts: list[str], labels: list[Any], label: str = "label") -> Path:
    """A table in the form that its name tells."""
    if path.suffix == ".npz":
        np.savez(path, text=np.array(texts), label=np.array(labels, dtype=object))
    elif path.suffix == ".parquet":
        pq.write_table(pa.table({"text": texts, label: labels}), path)
    elif path.suffix == ".jsonl":
        rows = [json.dumps({"text": text, label: one}) for text, one in zip(texts, labels, strict=True)]
        path.write_text("\n".join(rows), encoding="utf-8")
    else:
        pd.DataFrame({"text": texts, label: labels}).to_csv(path, index=False)
    return path


def words(count: int) -> list[str]:
    """Texts, each another."""
    return [f"text number {row}" for row in range(count)]


def built(path: Path, split: str = "train", held_out: HeldOut | None = None, **options: Any) -> tuple[list, list]:
    """Texts and labels that build_npz makes of a file."""
    rare = options.pop("rare", None)
    build_npz(PublishedFile(path, split, 10**9, **options), path.parent / f"{split}.built.npz", held_out, rare)
    data = read_npz(path.parent / f"{split}.built.npz")
    return list(data.texts()), data.label.tolist()


# === Alike ===


@pytest.mark.parametrize("form", FORMS)
def test_plain_blanks_around_labels_are_none_of_them(tmp_path: Path, form: str) -> None:
    """In every form, before and behind."""
    path = write(tmp_path / f"a.{form}", words(4), ["pos", " pos", "neg\t", "neg "])
    assert built(path)[1] == ["pos", "pos", "neg", "neg"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("other", ["Pos", "POS", "p\u200bos", "pos\xa0", "\uff50\uff4f\uff53"])
def test_labels_that_are_written_alike_are_refused(tmp_path: Path, form: str, other: str) -> None:
    """With each spelling, its rows and the first of them, in every form; with the key both are classes."""
    labels = ["pos", "neg", other, "pos", "neg"]
    path = write(tmp_path / f"a.{form}", words(5), labels)
    with pytest.raises(BadInput) as refused:
        built(path)
    said = str(refused.value)
    first = {"csv": ("line 2", "line 4"), "jsonl": ("line 1", "line 3")}.get(form, ("row 1", "row 3"))
    assert f"'pos' (2 rows, first {first[0]}) and {other!r} (1 row, first {first[1]})" in said
    assert "neg" not in said
    assert "dataset.distinct_labels" in said
    assert built(path, distinct_labels=True)[1] == labels


def test_all_groups_of_labels_alike_are_told_at_once(tmp_path: Path) -> None:
    """Not one after each correction."""
    path = write(tmp_path / "a.csv", words(6), ["pos", "Pos", "neg", "NEG", "neg", "other"])
    with pytest.raises(BadInput, match=r"'pos' .* and 'Pos' .*; 'neg' \(2 rows, first line 4\) and 'NEG'"):
        built(path)


def test_test_label_written_alike_is_told_with_the_training_one(tmp_path: Path) -> None:
    """The other split may be the one that writes it otherwise."""
    write_npz(tmp_path / "train.npz", pack_texts([b"a", b"b"], ["pos", "neg"]))
    write_npz(tmp_path / "test.npz", pack_texts([b"c", b"d"], ["Pos", "neg"]))
    with pytest.raises(
        BadInput, match=r"dataset.test, row 1 .*: the label 'Pos' is not among .*; it is written 'pos' there"
    ):
        frames_of(tmp_path)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_blanks_around_names_of_columns_are_none_of_them(tmp_path: Path, form: str) -> None:
    """Whether the study names the column or it is found."""
    path = write(tmp_path / f"a.{form}", words(2), ["x", "y"], label=" stars ")
    assert built(path, label="stars")[1] == ["x", "y"]
    assert built(path)[1] == ["x", "y"]


def test_numbers_written_as_text_are_alike(tmp_path: Path) -> None:
    """1.0 is 1, where a text file would read both as one number; 01 is a name of its own."""
    path = write(tmp_path / "a.jsonl", words(4), ["1", "1.0", "0", "01"])
    with pytest.raises(BadInput, match=r"'1' \(1 row, first line 1\) and '1\.0' \(1 row, first line 2\); write"):
        built(path)


@pytest.mark.parametrize(("names", "expected"), [(["pos", "Pos"], "'pos' .* and 'Pos'"), (["None", "pos"], "'None'")])
def test_names_of_codes_follow_the_rules_of_labels(tmp_path: Path, names: list[str], expected: str) -> None:
    """Those that a file of Hugging Face carries."""
    metadata = {"info": {"features": {"label": {"_type": "ClassLabel", "names": names}}}}
    table = pa.table({"text": words(4), "label": [0, 1, 0, 1]})
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(metadata)}), tmp_path / "a.parquet")
    with pytest.raises(BadInput, match=expected):
        built(tmp_path / "a.parquet")
    assert built(tmp_path / "a.parquet", distinct_labels=True, missing_labels="keep")[1] == [0, 1, 0, 1]


# === Missing ===


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("word", ["None", "NULL", "N/A", "#N/A", "nan", "<NA>", "null", "NA", " n/a "])
def test_words_for_a_missing_label_are_refused_in_every_form(tmp_path: Path, form: str, word: str) -> None:
    """By one rule, unless the study keeps them."""
    path = write(tmp_path / f"a.{form}", words(3), ["pos", "neg", word])
    with pytest.raises(
        BadInput, match=r"(line|row) [34]: the label is .*stands for a missing .*dataset.missing_labels"
    ):
        built(path)
    assert built(path, missing_labels="keep")[1] == ["pos", "neg", word.strip()]
    assert built(write(path, words(3), ["pos", "neg", "none"]))[1] == ["pos", "neg", "none"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("value", [None, "", "  ", "\u200b"])
def test_missing_labels_are_refused_whatever_is_kept(tmp_path: Path, form: str, value: str | None) -> None:
    """No value at all is no word."""
    path = write(tmp_path / f"a.{form}", words(3), ["pos", value, "neg"])
    with pytest.raises(BadInput, match=r"(line|row) [23]: the label is"):
        built(path, missing_labels="keep")


def test_test_file_without_a_label_is_told_the_way_round(tmp_path: Path) -> None:
    """Its column is there and empty."""
    with pytest.raises(BadInput, match=r"line 2: the label is missing.*leave `dataset.test` out"):
        built(write(tmp_path / "a.csv", words(3), [None, None, None]), split="test")


# === Numbers that are no classes ===


def test_scores_are_no_classes(tmp_path: Path) -> None:
    """Many different numbers in few rows; the sentence asks for the column and says what to do with scores."""
    path = write(tmp_path / "a.csv", words(120), [row % 76 for row in range(120)], label="score")
    with pytest.raises(
        BadInput, match=r"76 different labels in 120 rows: is 'score' the column .*ranges.*dataset.many_classes"
    ):
        built(path, label="score")
    assert len(set(built(path, label="score", many_classes="keep")[1])) == 76


def test_names_of_rows_are_no_classes(tmp_path: Path) -> None:
    """Text that hardly repeats."""
    path = write(tmp_path / "a.jsonl", words(50), [f"user {row // 2 if row < 40 else row}" for row in range(50)])
    with pytest.raises(BadInput, match="30 different labels in 50 rows"):
        built(path)


@pytest.mark.parametrize("labels", [[f"c{row % 150}" for row in range(450)], [row % 40 for row in range(400)]])
def test_many_classes_are_classes(tmp_path: Path, labels: list[Any]) -> None:
    """As long as there are some rows of each; a test file may have few."""
    assert built(write(tmp_path / "a.csv", words(len(labels)), labels))[1] == labels
    few = write(tmp_path / "few.csv", words(60), [f"c{row}" for row in range(60)])
    assert len(built(few, split="test")[1]) == 60


# === Rare classes ===


def frames_of(folder: Path, named: NamedLabels | None = None) -> tuple[list[str], list[str]]:
    """Labels by row of both frames that build_frame makes of train.npz and test.npz."""
    outputs = [folder / name for name in ("train.parquet", "test.parquet", "classes.json")]
    build_frame(SplitPaths(folder / "train.npz", folder / "test.npz"), SplitPaths(*outputs[:2]), outputs[2], named)
    labels = read_classes(outputs[2])
    train, test = ([labels[code] for code in read_frame(path)[LABEL_COLUMN]] for path in outputs[:2])
    return train, test


LONG_TAIL = ["a"] * 30 + ["b"] * 30 + ["c"] * 2 + ["d"] * 3 + ["e"]


def test_rare_classes_are_refused_all_at_once(tmp_path: Path) -> None:
    """With their numbers, and with how many are enough."""
    path = write(tmp_path / "a.csv", words(66), LONG_TAIL)
    with pytest.raises(
        BadInput, match=r"the classes 'e' \(1\), 'c' \(2\), 'd' \(3\), of 66 rows, .*; 5 of a class are"
    ):
        built(path, held_out=HeldOut(0.2, 0))


@pytest.mark.parametrize("kind", ["drop", "merge"])
def test_rare_classes_leave_both_parts_of_one_file(tmp_path: Path, kind: str) -> None:
    """They are left out, or have one label, before the test split is drawn."""
    path = write(tmp_path / "a.csv", words(66), LONG_TAIL)
    rare = RareClasses(kind, 5, "rest")
    parts = {split: built(path, split, HeldOut(0.2, 0), rare=rare) for split in ("train", "test")}
    texts = parts["train"][0] + parts["test"][0]
    labels = dict(zip(texts, parts["train"][1] + parts["test"][1], strict=True))
    expected = [(text, label if label in "ab" else "rest") for text, label in zip(words(66), LONG_TAIL, strict=True)]
    assert labels == {text: label for text, label in expected if kind == "merge" or label != "rest"}
    assert set(parts["train"][1]) == set(parts["test"][1]) == set(labels.values())


def test_distinct_texts_make_a_class(tmp_path: Path) -> None:
    """Copies count once, as for the draw."""
    path = write(tmp_path / "a.csv", [*words(20), "one", "ONE ", "one"], ["a"] * 10 + ["b"] * 10 + ["c"] * 3)
    assert built(path, rare=RareClasses("drop", 3, ""))[1] == ["a"] * 10 + ["b"] * 10
    assert built(path, rare=RareClasses("drop", 2, ""))[1] == ["a"] * 10 + ["b"] * 10
    assert built(path)[1].count("c") == 3


@pytest.mark.parametrize("kind", ["drop", "merge"])
def test_rare_classes_leave_test_and_validation_files_too(tmp_path: Path, kind: str) -> None:
    """Which they are is told by the training file alone."""
    build_npz(
        PublishedFile(write(tmp_path / "a.csv", words(66), LONG_TAIL), "train", 10**9),
        tmp_path / "train.npz",
        rare=RareClasses(kind, 5, "rest"),
    )
    for split in ("test", "validation"):
        texts = [f"{split} {row}" for row in range(5)]
        build_npz(
            PublishedFile(write(tmp_path / f"{split}.csv", texts, ["a", "c", "b", "e", "a"]), split, 10**9),
            tmp_path / f"{split}.npz",
        )
    train, test = frames_of(tmp_path)
    outputs = ValidationOutputs(*(tmp_path / f"{name}.parquet" for name in ("validation", "joined", "given")))
    files = (tmp_path / name for name in ("validation.npz", "train.parquet", "test.parquet", "classes.json"))
    build_validation(ValidationSources(*files), outputs)
    labels = read_classes(tmp_path / "classes.json")
    validation = [labels[code] for code in read_frame(outputs.validation)[LABEL_COLUMN]]
    expected = ["a", "b", "a"] if kind == "drop" else ["a", "rest", "b", "rest", "a"]
    assert test == validation == expected
    assert len(train) == (60 if kind == "drop" else 66)
    assert labels == (["a", "b"] if kind == "drop" else ["a", "b", "rest"])


def test_merged_numbers_become_names(tmp_path: Path) -> None:
    """Names of the file for its codes, where it has them."""
    metadata = {"info": {"features": {"label": {"_type": "ClassLabel", "names": ["bad", "good", "odd", "queer"]}}}}
    table = pa.table({"text": words(14), "label": [0] * 6 + [1] * 6 + [2, 3]})
    path = tmp_path / "a.parquet"
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(metadata)}), path)
    assert built(path, rare=RareClasses("merge", 5, "rest"))[1] == ["bad"] * 6 + ["good"] * 6 + ["rest"] * 2
    assert built(path, rare=RareClasses("drop", 5, ""))[1] == [0] * 6 + [1] * 6
    numbers = write(tmp_path / "a.csv", words(14), [0] * 6 + [1] * 6 + [2, 3])
    assert built(numbers, rare=RareClasses("merge", 5, "1"))[1] == ["0"] * 6 + ["1"] * 8


@pytest.mark.parametrize("kind", ["drop", "merge"])
@pytest.mark.parametrize("test", [["0", "1", "2", "0"], ["bad", "good", "odd", "bad"]])
def test_test_file_may_have_codes_or_names(tmp_path: Path, kind: str, test: list[str]) -> None:
    """Of a training file that has both, with its rare classes."""
    metadata = {"info": {"features": {"label": {"_type": "ClassLabel", "names": ["bad", "good", "odd"]}}}}
    table = pa.table({"text": words(13), "label": [0] * 6 + [1] * 6 + [2]})
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(metadata)}), tmp_path / "a.parquet")
    file = PublishedFile(tmp_path / "a.parquet", "train", 10**9)
    build_npz(file, tmp_path / "train.npz", rare=RareClasses(kind, 5, "rest"))
    path = write(tmp_path / "test.csv", ["w", "x", "y", "z"], test)
    build_npz(PublishedFile(path, "test", 10**9), tmp_path / "test.npz")
    _, found = frames_of(tmp_path)
    assert found == (["0", "1", "0"] if kind == "drop" else ["bad", "good", "rest", "bad"])


def test_merged_class_takes_in_one_that_is_called_so(tmp_path: Path) -> None:
    """However it is written: no twin of it is made."""
    path = write(tmp_path / "a.csv", words(14), ["a"] * 6 + ["Other"] * 6 + ["b", "c"])
    assert built(path, rare=RareClasses("merge", 5, "other"))[1] == ["a"] * 6 + ["Other"] * 8


def test_names_of_rare_classes_may_stay_in_the_study(tmp_path: Path) -> None:
    """A name to show is of no use then; a positive class is told what became of it."""
    path = write(tmp_path / "a.csv", words(13), ["a"] * 6 + ["b"] * 6 + ["c"])
    build_npz(PublishedFile(path, "train", 10**9), tmp_path / "train.npz", rare=RareClasses("drop", 5, ""))
    write_npz(tmp_path / "test.npz", pack_texts([b"x", b"y"], ["a", "b"]))
    frames_of(tmp_path, NamedLabels(named=["a", "c"]))
    with pytest.raises(BadInput, match=r"dataset.positive: 'c' is no label .*it is a rare class"):
        frames_of(tmp_path, NamedLabels(positive="c"))


def test_wrong_names_are_told_before_anything_is_trained(tmp_path: Path) -> None:
    """With the frames, which all else waits for."""
    for split in ("train", "test"):
        write_npz(tmp_path / f"{split}.npz", pack_texts([b"x" + split.encode(), b"y"], ["no", "yes"]))
    with pytest.raises(BadInput, match=r"dataset.positive: 'true' is no label .*YAML reads yes as true"):
        frames_of(tmp_path, NamedLabels(positive="true"))
    with pytest.raises(BadInput, match=r"dataset.label_names: 'maybe' is no label"):
        frames_of(tmp_path, NamedLabels(named=["no", "maybe"]))
    assert not (tmp_path / "train.parquet").exists()


def test_too_much_left_out_is_refused(tmp_path: Path) -> None:
    """Fewer than two classes cannot be told apart."""
    path = write(tmp_path / "a.csv", words(9), ["a"] * 5 + ["b"] * 2 + ["c"] * 2)
    with pytest.raises(BadInput, match=r"dataset.min_class_texts: 2 of 3 classes have fewer than 3 .*\('b', 'c'\)"):
        built(path, rare=RareClasses("drop", 3, ""))
    assert built(path, rare=RareClasses("merge", 3, "rest"))[1] == ["a"] * 5 + ["rest"] * 4


def test_test_file_of_rare_classes_alone_is_refused(tmp_path: Path) -> None:
    """Nothing of it would be left."""
    path = write(tmp_path / "a.csv", words(66), LONG_TAIL)
    build_npz(PublishedFile(path, "train", 10**9), tmp_path / "train.npz", rare=RareClasses("drop", 5, ""))
    write_npz(tmp_path / "test.npz", pack_texts([b"x", b"y"], ["c", "d"]))
    with pytest.raises(BadInput, match=r"dataset\.test: all its rows are of rare classes"):
        frames_of(tmp_path)


def test_what_was_left_out_is_told(tmp_path: Path) -> None:
    """The record has the rows of each class, and the reports a sentence of them."""
    file = PublishedFile(write(tmp_path / "a.csv", words(66), LONG_TAIL), "train", 10**9)
    build_npz(file, tmp_path / "train.npz", rare=RareClasses("drop", 5, ""))
    assert file.found.rare == {"c": 2, "d": 3, "e": 1}
    rare = {"kind": "drop", "at_least": 5, "merged": ""}
    record = {"params": {"rare_classes": rare}, "found": {"rare": file.found.rare}}
    (tmp_path / "train.json").write_text(json.dumps(record))
    [told] = rare_in_words(rare_classes(SplitPaths(tmp_path / "train.json", tmp_path / "test.json")))
    assert "fewer than 5 distinct texts in the training file were left out, 6 texts: “c” (2), “d” (3), “e” (1)" in told
    record["params"]["rare_classes"] = rare | {"kind": "merge", "merged": "rest"}
    (tmp_path / "train.json").write_text(json.dumps(record))
    [told] = rare_in_words(rare_classes(SplitPaths(tmp_path / "train.json", tmp_path / "test.json")))
    assert "were merged into “rest”" in told


# === Parts ===


def test_parts_are_read_one_after_the_other(tmp_path: Path) -> None:
    """Each as if it stood alone; what is wrong is told of the file where it stands."""
    copies = []
    for number, (texts, labels) in enumerate(((["a", "b"], ["x", "y"]), (["c"], ["x"]))):
        path = write(tmp_path / f"part-{number}.csv", texts, labels)
        copies.append(Copy(path, f"there/part-{number}.csv", ""))
    file = published_file(copies, "train", max_bytes=10**9)
    build_npz(file, tmp_path / "train.npz")
    data = read_npz(tmp_path / "train.npz")
    assert (list(data.texts()), data.label.tolist()) == (["a", "b", "c"], ["x", "y", "x"])
    write(tmp_path / "part-1.csv", ["c", "d"], ["x", ""])
    with pytest.raises(BadInput, match=r"there/part-1\.csv, line 3: the label is missing"):
        build_npz(published_file(copies, "train", max_bytes=10**9), tmp_path / "train.npz")


def test_parts_are_held_out_of_together(tmp_path: Path) -> None:
    """The test split is drawn from all of them."""
    paths = [write(tmp_path / f"{n}.csv", [f"{n} {row}" for row in range(20)], ["x", "y"] * 10) for n in range(2)]
    texts = []
    for split in ("train", "test"):
        file = published_file([Copy(path, str(path), "") for path in paths], split, max_bytes=10**9)
        build_npz(file, tmp_path / f"{split}.npz", HeldOut(0.25, 1))
        texts.append(list(read_npz(tmp_path / f"{split}.npz").texts()))
    assert [len(of_split) for of_split in texts] == [30, 10]
    assert {text[0] for text in texts[1]} == {"0", "1"}


def test_parts_of_other_forms_or_columns_are_refused(tmp_path: Path) -> None:
    """They are not one table."""
    first = write(tmp_path / "a.csv", ["a"], ["x"])
    others = {
        "several forms, csv, json": write(tmp_path / "b.jsonl", ["b"], ["y"]),
        "other columns": write(tmp_path / "c.csv", ["b"], ["y"], label="target"),
    }
    for expected, other in others.items():
        file = published_file([Copy(path, str(path), "") for path in (first, other)], "train", max_bytes=10**9)
        with pytest.raises(BadInput, match=expected):
            build_npz(file, tmp_path / "train.npz")


# === What YAML reads ===


def test_labels_that_yaml_reads_otherwise_are_named(tmp_path: Path) -> None:
    """`yes` without quotes is true, 010 is 8: the sentence says so."""
    classes, output = tmp_path / "classes.json", tmp_path / "out.json"
    write_classes(classes, ["no", "yes"])
    hint = re.escape("YAML reads yes as true: write it in quotes, 'yes'")
    with pytest.raises(BadInput, match=f"dataset.positive: 'true' is no label .*; {hint}"):
        select_positive(classes, output, "true")
    with pytest.raises(BadInput, match=f"'true' is no label .*; {hint}"):
        check_weights(classes, {"Tiny": ["true"]}, output)
    select_positive(classes, tmp_path / "positive.json", None)
    with pytest.raises(BadInput, match=f"dataset.label_names: 'true' is no label .*; {hint}"):
        build_labels(classes, tmp_path / "positive.json", output, {"true": "good"})
    write_classes(classes, ["010", "x"])
    with pytest.raises(BadInput, match=r"YAML reads 010 as 8"):
        select_positive(classes, output, "8")
    with pytest.raises(BadInput, match=r"'7' is no label of the data; the labels are '010', 'x'$"):
        select_positive(classes, output, "7")
