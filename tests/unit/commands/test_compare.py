"""`bert-ladder compare`: finished studies of several data sets side by side."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bert_ladder.commands.main import main
from bert_ladder.data.frames import read_rows, rows_csv
from bert_ladder.evaluation.datasets import compare_datasets, read_finished
from bert_ladder.evaluation.inference import verdict

# Of three data sets; the rows' order differs between them, as it may between studies.
SCORES = {
    "trec": {"NB-SVM": 0.90, "Frozen": 0.89, "MiniLM": 0.96},
    "sst2": {"MiniLM": 0.88, "NB-SVM": 0.78, "Frozen": 0.825},
    "news": {"Frozen": 0.874, "MiniLM": 0.905, "NB-SVM": 0.88, "=only here": 0.5},
}


def write_study(folder: Path, scores: dict[str, float], metric: str = "accuracy", se: float = 0.005) -> Path:
    """The two files of a finished study that count here."""
    folder.mkdir(parents=True)
    column = {"accuracy": "test_accuracy", "f1": "f1"}[metric]
    rows = [
        {"model": row, "metric": name, "mean": mean, "low": mean - 0.01, "high": mean + 0.01}
        for row, score in scores.items()
        for name, mean in ((column, score), ("brier", 0.1))
    ]
    names = list(scores)
    pairs = [
        {"model_a": a, "model_b": b, "metric": metric, "difference": scores[a] - scores[b], "se": se}
        for index, a in enumerate(names)
        for b in names[index + 1 :]
    ]
    for pair in pairs:
        pair["verdict"] = verdict(pair["difference"], 0.001 if abs(pair["difference"]) > 0.02 else 1.0)
    columns = ["model_a", "model_b", "metric", "difference", "se", "verdict"]
    (folder / "comparison.csv").write_text(rows_csv(pd.DataFrame(rows)))
    (folder / "pairs.csv").write_text(rows_csv(pd.DataFrame(pairs, columns=columns)))
    return folder


@pytest.fixture
def studies(tmp_path: Path) -> list[Path]:
    """The folders of three finished studies."""
    return [write_study(tmp_path / "results" / name, scores) for name, scores in SCORES.items()]


def test_rows_by_name_with_mean_ranks(studies: list[Path]) -> None:
    """Rows that all studies have; of what some have alone the name is kept, and where it is."""
    found = compare_datasets([read_finished(folder) for folder in studies])
    assert found.left_out == {"=only here": ["news"]}
    assert found.mean_ranks.to_dict() == pytest.approx({"MiniLM": 1.0, "NB-SVM": 7 / 3, "Frozen": 8 / 3})
    assert list(found.mean_ranks.index) == ["MiniLM", "NB-SVM", "Frozen"]
    assert found.rows.groupby("study")["rank"].sum().unique().tolist() == [6.0]


def test_differences_over_data_sets(studies: list[Path]) -> None:
    """The mean of the studies' differences with Student's interval and p-value, in one direction for all studies."""
    found = compare_datasets([read_finished(folder) for folder in studies])
    pair = found.pairs.set_index(["model_a", "model_b"]).loc[("NB-SVM", "MiniLM")]
    expected = stats.ttest_1samp([0.90 - 0.96, 0.78 - 0.88, 0.88 - 0.905], 0)
    low, high = expected.confidence_interval(0.95)
    assert [pair["difference"], pair["low"], pair["high"], pair["p_value"]] == pytest.approx(
        [np.mean([-0.06, -0.10, -0.025]), low, high, expected.pvalue]
    )
    assert (pair["better"], pair["not_separable"], pair["worse"]) == (0, 0, 3)
    assert pair["verdict"] == "not separable"  # three data sets are few
    assert (found.pairs["p_holm"] >= found.pairs["p_value"]).all()


def test_interval_is_no_narrower_than_the_studies_leave_it(tmp_path: Path) -> None:
    """Equal differences by chance are no certainty: what seeds and test texts leave open stays."""
    folders = [
        write_study(tmp_path / name, {"a": 0.80 + shift, "b": 0.78 + shift}, se=0.03)
        for name, shift in (("one", 0.0), ("two", 0.1))
    ]
    pair = compare_datasets([read_finished(folder) for folder in folders]).pairs.iloc[0]
    half = stats.t.ppf(0.975, 1) * 0.03 / np.sqrt(2)
    assert [pair["low"], pair["high"]] == pytest.approx([0.02 - half, 0.02 + half])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("ahead", "p_value"), [(0.0, 1.0), (0.25, 0.0)])
def test_rows_that_nothing_leaves_uncertain(tmp_path: Path, ahead: float, p_value: float) -> None:
    """A tie on every seed and data set is a difference of 0, without a division by it; always as far ahead is clear."""
    folders = [
        write_study(tmp_path / name, {"a": score + ahead, "b": score}, se=0.0)
        for name, score in (("one", 0.5), ("two", 0.25))
    ]
    pair = compare_datasets([read_finished(folder) for folder in folders]).pairs.iloc[0]
    assert [pair["difference"], pair["low"], pair["high"], pair["p_value"]] == [ahead, ahead, ahead, p_value]
    assert pair["verdict"] == ("better" if ahead else "not separable")


def test_data_sets_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a pair alone is clear, and where a row is that not all studies have; in print, page and csv."""
    scores = {
        "trec": {"a": 0.9, "b": 0.8, "c": 0.7},
        "sst2": {"a": 0.9, "b": 0.8},
        "news": {"b": 0.9, "a": 0.8, "c": 0.7},
    }
    folders = [write_study(tmp_path / name, of_study) for name, of_study in scores.items()]
    assert main(["compare", *map(str, folders), "-o", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out/datasets.html").read_text()
    for text in (capsys.readouterr().out, page):
        told = " ".join(text.split())
        assert "2: trec, sst2" in told and "1: news" in told
        assert "left out: “c” (in trec and news only)." in told and "3 data sets, trec, sst2 and news, its" in told
    (pair,) = read_rows(tmp_path / "out/datasets_pairs.csv").to_dict("records")
    assert (pair["better"], pair["worse"], pair["not_separable"]) == (2, 1, 0)
    assert (pair["better_on"], pair["worse_on"]) == ("trec; sst2", "news") and pd.isna(pair["not_separable_on"])


def test_what_is_alike_on_all_becomes_clear(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said in words with interval and p-value."""
    folders = [
        write_study(tmp_path / f"set-{index}", {"Small": 0.80 + 0.001 * index, "Large": 0.85}, se=0.002)
        for index in range(4)
    ]
    assert main(["compare", *map(str, folders)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "“Small” is worse than “Large” over data sets: -4.85 [" in said


def test_what_is_not_clear_is_told(studies: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of all pairs, or of those beside the clear ones, in a sentence that holds for any number of them."""
    assert main(["compare", *map(str, studies)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "No two rows are separable over 3 data sets: these do not show which row is better on others" in told
    alike = {"Small": 0.80, "Large": 0.85, "Larger": 0.851}
    for rows, rest in (
        (list(alike), "The other pair is not"),
        (["Small", *alike, "Middle"], "The other 3 pairs are not"),
    ):
        scores = {row: alike.get(row, 0.8501) for row in rows}
        folders = [write_study(tmp_path / f"{len(rows)}/set-{index}", scores, se=0.002) for index in range(4)]
        assert main(["compare", *map(str, folders)]) == 0
        told = " ".join(capsys.readouterr().out.split())
        assert "“Small” is worse than “Large” over data sets" in told and f"{rest} separable over 4 data sets" in told


def test_files_and_page(studies: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Written where asked for, in full precision, names as they are; the page escapes them."""
    renamed = [
        write_study(tmp_path / "again" / name, {f"<b>{row}": score for row, score in scores.items()})
        for name, scores in SCORES.items()
    ]
    folder = tmp_path / "side by side"
    assert main(["compare", *map(str, renamed), "-o", str(folder)]) == 0
    printed = capsys.readouterr()
    assert "datasets.html" in printed.err and "Mean rank" in printed.out
    rows, pairs = read_rows(folder / "datasets.csv"), read_rows(folder / "datasets_pairs.csv")
    assert set(rows["model"]) == {"<b>NB-SVM", "<b>Frozen", "<b>MiniLM"} and len(rows) == 9 and len(pairs) == 3
    page = (folder / "datasets.html").read_text()
    assert "&lt;b&gt;MiniLM" in page and "<b>" not in page
    assert "over 3 data sets" in (folder / "datasets.md").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folders: folders[:1], "give the folders of two or more"),
        (lambda folders: [*folders, folders[0]], "give each study once"),
        (lambda folders: [folders[0], folders[0].parent / "absent"], "no finished study lies there"),
        (
            lambda folders: [folders[0], write_study(folders[0].parent / "by-f1", SCORES["trec"], "f1")],
            "different metrics (trec by accuracy, by-f1 by f1)",
        ),
        (
            lambda folders: [folders[0], write_study(folders[0].parent / "others", {"MiniLM": 0.5, "x": 0.4})],
            "fewer than two rows by name",
        ),
        (
            lambda folders: [folders[0], write_study(folders[0].parent / "single", {"MiniLM": 0.5})],
            "one row only",
        ),
    ],
)
def test_what_cannot_be_laid_side_by_side(
    studies: list[Path],
    change: Callable[[list[Path]], list[Path]],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One sentence, status 1."""
    assert main(["compare", *map(str, change(studies))]) == 1
    printed = capsys.readouterr()
    assert said in printed.err and printed.err.count("\n") == 1 and not printed.out
