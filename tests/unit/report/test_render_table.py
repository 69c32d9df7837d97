"""The table in its five forms: columns, rounding, foot, escapes."""

import html
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import read_rows, rows_csv
from bert_ladder.evaluation.comparison import ComparedRuns, Protocol, compare_models
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.evaluation.run_metrics import classification_metrics
from bert_ladder.report.cells import MEASURES, TEST_METRICS, UNDEFINED, measure_cells, table_cells
from bert_ladder.report.markup import escape_latex, escape_markdown
from bert_ladder.report.table import TableSources, build_table, render_table
from bert_ladder.report.table_forms import render_html, render_latex, render_markdown, render_text
from bert_ladder.report.table_notes import foot_lines, held_out_lines

FORMS = ("csv", "markdown", "latex", "text", "html")
AUDIT = {
    "rows": {"train": 25_000, "test": 25_000},
    "duplicates": {"train": 96, "test": 199},
    "labels": {"train": {"neg": 750, "pos": 250}, "test": {"neg": 50, "pos": 50}},
    "leaked": {"texts": 123, "test_rows": 123},
    "exact": {"duplicates": {"train": 96, "test": 199}, "leaked": {"texts": 123, "test_rows": 123}},
    "vocabularies": {"uncased": {"cut": {"128": {"train": 0.8412, "test": 0.8333}}}},
}
TINY = {
    "model": "BERT-Tiny",
    "encoder": "bert_uncased_L-2_H-128_A-2",
    "reference": {"test_accuracy": 0.80648, "f1": 0.80105},
}
SVM = {"model": "NB-SVM", "encoder": "", "reference": {}}
MINI = {"model": "BERT Mini", "encoder": "bert_uncased_L-4_H-256_A-4"}


SPEED = {"latency_ms": 4.567, "latency_p95_ms": 6.0, "throughput": 1234.5, "memory_mb": 890, "threads": 2}
SPEED |= {
    "processor": "A",
    "cores": 2,
    "other_load": 0.0,
    "throughput_spread": 0.1,
    "host": "h",
    "load_average": 3.5,
    "engine": "SciPy",
}
CONSTANT_RUN = {"majority_class": "neg", "constant_accuracy": 0.5, "constant_f1": 2 / 3}
CONSTANT_RUN |= {"constant_prediction": None, "n_validation": 500}
SPEEDS = {"BERT-Tiny": SPEED, "NB-SVM": SPEED | {"latency_ms": 0.1}}
CHOSEN = {"metric": "accuracy", "score": 0.8765, "trials": 8, "values": {"batch_size": 16, "learning_rate": 5e-05}}


def kind_of(row: dict) -> str:
    return "bert" if row["encoder"] else "baseline"


def measured(
    rows: list[dict], seeds: int = 1, accuracy: float = 0.8123, average: str = "binary", parameters: int = 4_385_920
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """comparison.csv and the runs of some rows, all with the same values."""
    metrics = pd.DataFrame(
        {"model": row["model"], "kind": kind_of(row), "parameters": parameters, "average": average, **CONSTANT_RUN}
        for row in rows
    )
    means = dict.fromkeys(("train_accuracy", "validation_accuracy", *TEST_METRICS), accuracy)
    means |= {"training_seconds": 61.7, "roc_auc": 0.91, "clean_accuracy": accuracy}
    comparison = pd.DataFrame(
        [
            {
                "model": row["model"],
                "metric": metric,
                "mean": mean,
                "low": max(0.0, mean - 0.005) if metric in TEST_METRICS else None,
                "high": min(1.0, mean + 0.005) if metric in TEST_METRICS else None,
                "sd": 0.004 if seeds > 1 else None,
                "seeds": seeds,
                "method": "seeds and examples" if seeds > 1 and row["encoder"] else "wilson",
            }
            for row in rows
            for metric, mean in means.items()
        ]
    )
    return comparison, metrics


def table_of(rows: list[dict], **values: object) -> pd.DataFrame:
    return build_table(*measured(rows, **values), rows, SPEEDS, {})


@pytest.mark.parametrize(
    ("labels", "asked", "said"),
    [
        (
            {"train": {"neg": 48, "pos": 48}, "test": {"neg": 12, "pos": 12}},
            0.2,
            "24 of its 120 texts (20.0 %; 0.2 was asked for), in proportion by label (seed 3), were held out as the "
            "test split.",
        ),
        (
            {"train": {"neg": 40, "pos": 49}, "test": {"neg": 20, "pos": 12}},
            0.2,
            "32 of its 121 texts (26.4 %; 0.2 was asked for), in proportion by label (seed 3), were held out as the "
            "test split. As texts that are equal stay together, other shares were drawn of “neg” 20 of 60 (33.3 %).",
        ),
    ],
)
def test_foot_says_what_was_held_out(labels: dict, asked: float, said: str) -> None:
    """The texts that were drawn, not the share that was asked for; a label of another share is named."""
    [line] = held_out_lines({"labels": labels}, {"fraction": asked, "seed": 3})
    assert line == f"The data set has no test split: {said}"
    assert held_out_lines({"labels": labels}, None) == []


def test_foot_says_what_is_equal_but_for_case() -> None:
    """Only where that is more than what is equal letter by letter; the clean accuracy leaves out all of it."""
    audit = AUDIT | {"leaked": {"texts": 130, "test_rows": 140}, "duplicates": {"train": 97, "test": 199}}
    foot = foot_of(table_of([TINY]), audit)
    assert "123 texts are in both train and test. But for case, white space and invisible characters: 97, 199" in foot
    assert "without the 140 test texts" in foot
    assert "But for case" not in foot_of(table_of([TINY]))


def test_few_of_many_departing_labels_are_named() -> None:
    """Of many the first ten, and the number of the others."""
    labels = {"train": {f"class {i}": 4 for i in range(30)}, "test": {f"class {i}": 4 for i in range(30)}}
    [line] = held_out_lines({"labels": labels}, {"fraction": 0.2, "seed": 0})
    assert line.count("“") == 10
    assert line.endswith("“class 9” 4 of 8 (50.0 %) and 20 more labels.")


def foot_of(table: pd.DataFrame, audit: dict = AUDIT, positive: int | None = 1) -> str:
    return "\n".join(foot_lines(table, ["neg", "pos"] if positive == 1 else ["a", "b", "c"], positive, audit, []))


def test_table_has_the_pinned_columns():
    """A line per row in the study's order with means, intervals of test metrics, reference and difference."""
    table = table_of([SVM, TINY, MINI])
    assert table["model"].tolist() == ["NB-SVM", "BERT-Tiny", "BERT Mini"]
    columns = "model encoder parameters seeds train_accuracy validation_accuracy test_accuracy precision recall f1"
    intervals = [f"{metric}_{end}" for metric in TEST_METRICS for end in ("low", "high")]
    assert {*columns.split(), *intervals, "training_seconds", "average"} <= set(table.columns)
    tiny = table.iloc[1]
    assert tiny["reference_test_accuracy"] == 0.80648
    assert tiny["difference_test_accuracy"] == pytest.approx(0.8123 - 0.80648)
    assert tiny["difference_f1"] == pytest.approx(0.8123 - 0.80105)
    assert table.loc[[0, 2], "reference_f1"].isna().all()
    assert "reference_recall" not in table


def test_no_reference_no_reference_columns():
    """Where no row has an original value, neither the table nor its foot speaks of one."""
    table = table_of([SVM, MINI])
    assert not [column for column in table if column.startswith(("reference", "difference"))]
    assert "original" not in foot_of(table) + render_markdown(table_cells(table), [], "t", [])


def test_csv_keeps_full_precision():
    """Rounding is for people: a program reads back the very numbers."""
    table = table_of([SVM, TINY], accuracy=0.8123456789012345)
    read = pd.read_csv(io.StringIO(rows_csv(table)), keep_default_na=False, na_values=[""])
    assert read["test_accuracy"].tolist() == [0.8123456789012345] * 2


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_csv_names_are_no_formulas(name: str):
    """A name that a spreadsheet would run starts with a quote; negative numbers stay numbers."""
    table = table_of([TINY | {"model": name}], accuracy=0.5)
    read = pd.read_csv(io.StringIO(rows_csv(table)))
    assert read["model"].tolist() == [f"'{name}"]
    assert read["difference_test_accuracy"].item() < 0


def test_cells_are_rounded_for_people():
    """Percent with its interval, millions of parameters, seconds; the original's value and difference below."""
    row, original, difference, _ = table_cells(table_of([TINY]))
    assert (row["test_accuracy"], row["test_accuracy_interval"]) == ("81.23", "80.7, 81.7")
    assert (row["parameters"], row["seeds"], row["training_seconds"]) == ("4.39 M", "1", "62")
    assert (original["test_accuracy"], difference["test_accuracy"]) == ("80.65", "+0.58")
    assert "recall" not in original


def test_no_difference_has_no_minus():
    """A difference that rounds to nothing reads +0.00, not -0.00."""
    cells = table_cells(table_of([TINY | {"reference": {"f1": 0.8123 + 1e-6}}]))
    assert cells[2]["f1"] == "+0.00"


@pytest.mark.parametrize(
    ("names", "positive", "expected"),
    [
        pytest.param(["neg", "pos"], 1, "F1 are of the class “pos”, on the test split", id="positive"),
        pytest.param(["a", "b", "c"], None, "F1 are macro averages over the 3 classes", id="macro"),
    ],
)
def test_foot_names_the_average(names: list[str], positive: int | None, expected: str):
    """The reader learns what precision, recall and F1 are of."""
    assert expected in foot_lines(table_of([TINY]), names, positive, AUDIT, [])[0]


def test_foot_says_what_an_interval_means():
    """One seed speaks of the trained models only; several speak of seeds too; a mixture says both."""
    one = foot_of(table_of([SVM, TINY]))
    assert "95 % interval of these trained models only, over test examples; it says nothing about other seeds." in one
    assert "95 % interval over seeds and test examples." in foot_of(table_of([TINY, MINI], seeds=3))
    linear = foot_of(table_of([SVM, TINY], seeds=3))
    assert "over seeds and test examples; of a linear baseline, which has no seed in it, over test examples." in linear
    comparison, metrics = measured([TINY, MINI], seeds=3)
    comparison.loc[comparison["model"] == "BERT Mini", "method"] = "wilson"
    mixed = foot_of(build_table(comparison, metrics, [TINY, MINI], SPEEDS, {}))
    assert "over seeds and test examples where a row has several seeds; with one of these trained models only" in mixed


def test_foot_says_what_is_counted_of_a_frozen_encoder():
    """Its reading of the texts, and that it has no seed; nothing of it where there is none."""
    table = table_of([SVM, TINY], seeds=3)
    assert "frozen" not in foot_of(table)
    foot = foot_of(table.assign(kind=["frozen", "bert"]))
    assert "for a frozen encoder with its reading of the training and validation texts" in foot
    assert "of a linear baseline or a frozen encoder, which has no seed in it, over test examples." in foot


def test_search_stands_in_the_table_and_its_foot():
    """The chosen values, the number of trials and the score that chose them, beside validation and test."""
    comparison, metrics = measured([SVM, TINY], seeds=3)
    table = build_table(comparison, metrics, [SVM, TINY], SPEEDS, {"BERT-Tiny": CHOSEN})
    tiny = table.iloc[1]
    assert (tiny["trials"], tiny["chosen"]) == (8, "batch_size 16, learning_rate 5e-05")
    assert table["chosen"].isna().tolist() == [True, False]
    foot = foot_of(table)
    assert "“BERT-Tiny”: batch_size 16, learning_rate 5e-05, the best of 8 trials by validation accuracy (87.65" in foot
    assert {"validation_accuracy", "test_accuracy"} <= set(table_cells(table)[1])
    assert "trials" not in foot_of(table_of([SVM, TINY]))


def test_second_table_has_more_measures():
    """Areas, calibration, speed and memory, rounded; what a row lacks is a dash, and no reference line stands there."""
    svm, tiny, mini = measure_cells(table_of([SVM, TINY, MINI]))
    assert set(tiny) == {"name", *MEASURES}
    assert (tiny["roc_auc"], tiny["latency_ms"], tiny["throughput"], tiny["memory_mb"]) == (
        *("91.00", "4.57"),
        *("1,234", "890"),
    )
    assert svm["latency_ms"] == "0.10"
    assert mini["latency_ms"] == tiny["pr_auc"] == UNDEFINED
    foot = foot_of(table_of([SVM, TINY]))
    assert "without the 123 test texts that are training texts too" in foot
    assert "in SciPy, with 2 threads and, on one machine, no other job of the study beside it" in foot
    assert "cannot be ranked" not in foot
    busy = build_table(*measured([SVM, TINY]), [SVM, TINY], SPEEDS | {"NB-SVM": SPEED | {"other_load": 1.5}}, {})
    assert busy["other_load"].tolist() == [1.5, 0.0]
    assert "The times cannot be ranked, since other work disturbed that of “NB-SVM”" in foot_of(busy)
    assert "cannot be ranked" not in foot_of(busy[:1])


def test_foot_tells_which_rows_were_weighted():
    """And by which weights, as the rows of the study say; without any there is no such column."""
    weighted = [SVM | {"class_weight": "balanced"}, TINY | {"class_weight": "10 for fraud"}, MINI]
    table = build_table(*measured(weighted), weighted, {}, {})
    assert table["class_weight"].fillna("").tolist() == ["balanced", "10 for fraud", ""]
    foot = "\n".join(foot_lines(table, ["neg", "pos"], 1, AUDIT, []))
    assert "Trained with class weights: “NB-SVM” (balanced); “BERT-Tiny” (10 for fraud). In the training" in foot
    plain = table_of([SVM, TINY])
    assert "class_weight" not in plain
    assert "class weights" not in "\n".join(foot_lines(plain, ["neg", "pos"], 1, AUDIT, []))


def test_foot_tells_of_a_validation_file():
    """Its size, its labels, and what it shares with the other splits; nothing of it where the part was drawn."""
    audit = AUDIT | {
        "rows": {"train": 25_000, "validation": 1_200, "test": 25_000},
        "duplicates": {"train": 96, "validation": 3, "test": 199},
        "exact": AUDIT["exact"] | {"duplicates": {"train": 96, "validation": 2, "test": 199}},
        "labels": AUDIT["labels"] | {"validation": {"neg": 10, "pos": 30}},
        "in_validation": {"train": {"texts": 1, "validation_rows": 2}, "test": {"texts": 0, "validation_rows": 0}},
    }
    audit["vocabularies"] = {"uncased": {"cut": {"128": {"train": 0.84, "validation": 0.5, "test": 0.83}}}}
    foot = "\n".join(foot_lines(table_of([TINY]), ["neg", "pos"], 1, audit, []))
    assert "The validation part is a file of its own, 1,200 texts; 1 text is in both train and validation" in foot
    assert "Labels of the validation texts: neg 25.0 %, pos 75.0 %." in foot
    assert "96 in train, 2 in validation, 199 in test; 123 texts are in both train and test." in foot
    assert "But for case, white space and invisible characters: 96, 3, 199 and 123." in foot
    assert "and 0 texts are in both test and validation." in foot
    assert "84.0 % of the train, 50.0 % of the validation and 83.0 % of the test texts are cut" in foot
    assert "alidation part" not in "\n".join(foot_lines(table_of([TINY]), ["neg", "pos"], 1, AUDIT, []))


def test_foot_tells_what_the_audit_found():
    """Duplicates, leakage and cut texts stand below the table, as do the notes."""
    foot = foot_lines(table_of([TINY]), ["neg", "pos"], 1, AUDIT, ["Held out:\na fifth."])
    assert "Labels of the train texts: neg 75.0 %, pos 25.0 %." in foot
    assert "Exact duplicates: 96 in train, 199 in test; 123 texts are in both train and test." in foot
    assert "at 128 WordPieces 84.1 % of the train and 83.3 % of the test texts are cut;" in "\n".join(foot)
    assert foot[-1] == "Held out: a fifth."


def test_foot_names_vocabularies_when_there_are_several():
    """Each length of each vocabulary has its share."""
    cut = {"train": 0.5, "test": 0.25}
    vocabularies = {"uncased": {"cut": {"64": cut, "128": cut}}, "own": {"cut": {"64": cut}}}
    foot = foot_of(table_of([TINY]), AUDIT | {"vocabularies": vocabularies})
    for expected in ("at 64 WordPieces", "at 128 WordPieces", "texts are cut (own)", "texts are cut (uncased)"):
        assert expected in foot


HOSTILE = "a|b_c <x> & 10 % $5 #1 {y} \\z ~ ^ `q` *s*"


def test_markdown_pipes_do_not_split_cells():
    """Every line of the table has the same cells, and a name shows as it was written."""
    cells = table_cells(table_of([TINY | {"model": HOSTILE}]))
    lines = [line for line in render_markdown(cells, [], HOSTILE, [HOSTILE]).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 4
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {12}
    shown = html.unescape(re.sub(r"\\([^\w\s])", r"\1", lines[2]))
    assert HOSTILE in shown


@pytest.mark.parametrize(
    ("text", "markdown", "latex"),
    [
        ("a_b", "a_b", r"a\_b"),
        ("_a_", r"\_a\_", r"\_a\_"),
        ("5 % & <", "5 % &amp; &lt;", r"5 \% \& \ensuremath{<}"),
        ("a\\b", r"a\\b", r"a\textbackslash{}b"),
        ("[x](y)", r"\[x\](y)", "[x](y)"),
    ],
)
def test_escapes(text: str, markdown: str, latex: str):
    """Marks of the two languages are shown, not obeyed."""
    assert escape_markdown(text) == markdown
    assert escape_latex(text) == latex


def test_latex_is_balanced_and_escaped():
    """Braces and environments close, every row has the same cells, and no special character is left bare."""
    cells = table_cells(table_of([SVM, TINY | {"model": HOSTILE}]))
    latex = render_latex(cells, [], HOSTILE, [HOSTILE], "a b_c")
    bare = re.sub(r"\\[\\{}_&%$#^]", "", latex)
    assert bare.count("{") == bare.count("}")
    assert sorted(re.findall(r"\\begin{(\w+)}", latex)) == sorted(re.findall(r"\\end{(\w+)}", latex))
    rows = latex.split("\\midrule")[1].split("\\bottomrule")[0].strip().splitlines()
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {10}
    assert not re.search(r"(?<!\\)[_#$]", latex)
    assert r"\label{tab:a-b-c}" in latex


class Cells(HTMLParser):
    """Collects the text of cells and the names of all tags."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_html_shows_names_and_runs_nothing():
    """A name with markup is text; nothing is fetched and nothing runs."""
    name = "<script>alert(1)</script> & <img src=x>"
    cells = table_cells(table_of([TINY | {"model": name}]))
    page = Cells()
    page.feed(render_html(cells, [], name, [name]))
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    assert page.texts.count(name) == 4  # title, caption, cell and note
    assert page.tags.count("tr") == 1 + 4


def test_text_fits_a_terminal():
    """The widest values, names that are too long and long notes stay within 120 columns, the first table in 80."""
    row = {"model": "M" * 60, "encoder": "e" * 60, "reference": dict.fromkeys(TEST_METRICS, 1.0)}
    table = table_of([row], accuracy=1.0, parameters=1_109_480_000, seeds=10)
    table["training_seconds"] = 999_999.0
    text = render_text(table_cells(table), measure_cells(table), "t" * 200, ["word " * 60])
    assert max(map(len, text.splitlines())) <= 120
    assert max(map(len, text.split("\n\n")[1].splitlines())) <= 80


def test_text_has_one_line_per_row_and_dashes():
    """Each header on one line; the interval in columns of its own; a dash where a line has no value."""
    text = render_text(table_cells(table_of([TINY])), [], "Study x", ["Foot."])
    _, scores, rows, foot = text.split("\n\n")
    header, _, tiny, original, difference, constant = scores.splitlines()
    assert header.split() == ["Model", "Seeds", "Val.", "acc.", "Test", "acc.", "Low", "High", "F1"]
    assert tiny.split() == ["BERT-Tiny", "1", "81.23", "81.23", "80.7", "81.7", "81.23"]
    assert original.startswith("  original study  ")
    assert original.split()[2:] == [UNDEFINED, UNDEFINED, "80.65", UNDEFINED, UNDEFINED, "80.11"]
    assert difference.startswith("  difference ")
    assert constant.split()[:5] == ["most", "frequent", "class", UNDEFINED, UNDEFINED]
    # Below its row the original study stands only where it has something of this table.
    header, _, *lines = rows.splitlines()
    assert header.split()[-4:] == ["acc.", "Precision", "Recall", "Seconds"]
    assert lines[0].split()[:2] == ["BERT-Tiny", "bert_uncased_L-2_H-128_A-2"]
    assert "most frequent class" not in rows
    assert foot.splitlines()[0] == "Foot."
    assert "table.md" in foot


def test_share_of_no_texts_is_a_dash():
    """The precision of a class that is never answered and the correlation of one answer; not one that is merely 0."""
    table = table_of([TINY])
    table = table.assign(precision=0.0, precision_low=0.0, precision_high=1.0, mcc=0.0, constant_runs=table["seeds"])
    assert table_cells(table)[0]["precision"] == UNDEFINED
    assert "precision_interval" not in table_cells(table)[0]
    assert measure_cells(table)[0]["mcc"] == UNDEFINED
    table = table.assign(precision_high=0.2, constant_runs=0)
    assert table_cells(table)[0]["precision"] == "0.00"
    assert measure_cells(table)[0]["mcc"] == "0.00"


@pytest.mark.parametrize("classes", [2, 4])
def test_render_table_writes_all_forms(tmp_path: Path, classes: int):
    """From real comparison files, with rows called like missing values, every form holds every row."""
    generator = np.random.default_rng(0)
    rows = [
        {"model": "nb_svm", "path": "nb_svm", "encoder": ""},
        {"model": "NA", "path": "Earlier", "encoder": "tiny", "reference": {"f1": 0.7}},
        {"model": "1", "path": "1", "encoder": "mini", "reference": None},
    ]
    labels = generator.integers(0, classes, 300)
    positive = 1 if classes == 2 else None
    paths = []
    for row in rows:
        predictions = np.where(generator.random(300) < 0.8, labels, generator.integers(0, classes, 300))
        frame = pd.concat(
            predictions_frame(split, np.arange(300), labels, np.eye(classes)[predictions])
            for split in ("train", "validation", "test")
        )
        run = {"model": row["model"], "kind": kind_of(row), "parameters": 1234, "training_seconds": 1.5}
        run |= {"seed": 1, "dtype_policy": "float32"}
        paths.append((tmp_path / f"{row['model']}.json", tmp_path / f"{row['model']}.parquet"))
        paths[-1][0].write_text(json.dumps(run | classification_metrics(frame, positive, [*map(str, range(classes))])))
        frame.to_parquet(paths[-1][1])
    (tmp_path / "labels.json").write_text(json.dumps({"names": [*map(str, range(classes))], "positive": positive}))
    (tmp_path / "audit.json").write_text(json.dumps(AUDIT))
    metrics, predictions = zip(*paths, strict=True)
    pd.DataFrame({"row": np.array([3], np.int32)}).to_parquet(tmp_path / "leaked.parquet")
    compare_models(
        ComparedRuns(metrics, predictions, tmp_path / "labels.json", tmp_path / "leaked.parquet"),
        Protocol("accuracy", "auto", split_per_run=False),
        tmp_path / "comparison.csv",
        tmp_path / "pairs.csv",
    )
    (tmp_path / "speed.json").write_text(json.dumps(SPEED))
    # The row had another name when its search was done.
    (tmp_path / "Earlier").mkdir()
    (tmp_path / "Earlier/outcome.json").write_text(json.dumps(CHOSEN | {"model": "Earlier"}))
    out = {form: tmp_path / f"table.{form}" for form in FORMS}
    inputs = [tmp_path / "comparison.csv", metrics, tmp_path / "audit.json", tmp_path / "labels.json"]
    sources = TableSources(*inputs, speed=[tmp_path / "speed.json"] * 3, outcome=[tmp_path / "Earlier/outcome.json"])
    render_table(sources, rows, "micro", ["A note."], None, out)

    table = pd.read_csv(out["csv"], keep_default_na=False, na_values=[""])
    assert table["model"].tolist() == ["nb_svm", "NA", "1"]
    assert table["parameters"].tolist() == [1234] * 3
    assert set(table["average"]) == {"binary" if classes == 2 else "macro"}
    for form in FORMS[1:]:
        content = out[form].read_text()
        assert "A note." in content
        assert "1,234" in content
        assert "best of 8 trials" in content
        assert "ROC-AUC" in content
        for accuracy in table["test_accuracy"]:
            assert f"{100 * accuracy:.2f}" in content


def test_accuracy_of_the_most_frequent_class_stands_below_the_rows():
    """Whoever reads an accuracy sees beside it what no reading reaches, and which rows do no more."""
    comparison, metrics = measured([SVM, TINY, MINI])
    metrics["constant_prediction"] = [None, "neg", "neg"]
    second = metrics.iloc[[2]].assign(constant_prediction=None, n_validation=80)
    metrics = pd.concat([metrics, second], ignore_index=True)
    comparison.loc[comparison["model"] == "BERT Mini", "seeds"] = 2
    table = build_table(comparison, metrics, [SVM, TINY, MINI], SPEEDS, {})
    assert table["constant_runs"].tolist() == [0, 1, 1]
    assert table["constant_class"].tolist() == ["", "neg", "neg"]
    assert table["n_validation"].tolist() == [500, 500, 80]
    last = table_cells(table)[-1]
    assert last == {"name": "most frequent class", "encoder": "", "test_accuracy": "50.00"}
    foot = foot_of(table)
    assert "gives every text the most frequent class of the test split, “neg”." in foot
    assert "“BERT-Tiny” gives every test text one class, “neg”, whatever it reads." in foot
    assert "“BERT Mini” gives every test text one class in 1 of its 2 runs, “neg”" in foot
    assert "NB-SVM" not in foot


@pytest.mark.parametrize("label", ["01", "True", "=1", "NA", "1e3"])
def test_names_of_classes_are_text(tmp_path: Path, label: str):
    """A class may be called like a number, a formula or a missing value."""
    table = table_of([TINY]).assign(majority_class=label, constant_class=label)
    (tmp_path / "table.csv").write_text(rows_csv(table))
    read = read_rows(tmp_path / "table.csv")
    assert read[["majority_class", "constant_class"]].values.tolist() == [[label, label]]


def test_foot_lists_ten_classes_and_counts_the_others():
    """With 150 classes the ten most frequent stand in the foot; with ten all, in their order."""
    counts = {f"c{code}": code + 1 for code in range(150)}
    labels = {"train": counts, "test": dict(list(counts.items())[:11])}
    foot = foot_of(table_of([TINY]), AUDIT | {"labels": labels})
    train, test = (line for line in foot.splitlines() if line.startswith("Labels of"))
    assert train.startswith("Labels of the train texts: c149 1.3 %, c148 1.3 %,")
    assert train.count(" %") == 10
    assert train.endswith("c140 1.2 %, and 140 others; the page of classes has them all.")
    assert "and 1 other;" in test
    ten = {"train": dict(list(counts.items())[:10]), "test": {"a": 1}}
    assert "others" not in foot_of(table_of([TINY]), AUDIT | {"labels": ten})
