"""The page of the runs: times, totals, versions, checksums, and its warning when runs differ."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from bert_ladder.report.run_records import read_benchmark
from bert_ladder.report.runs_page import render_runs

HOSTILE = "<img src=x onerror='window.pwned = 1'>"
COLUMNS = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
RECORD = {
    "epochs": 3,
    "kept_epoch": 2,
    "examples_per_second": 1137.5,
    "peak_memory_mb": 1011,
    "device": "gpu:0",
    "threads": 4,
    "data_sha256": "d" * 64,
    "encoder_sha256": "e" * 64,
    "versions": {"python": "3.11.7", "keras": "3.15.1", "tensorflow": "2.21.0"},
}


def benchmark(path: Path, seconds: float | str, memory: float | str = 219.4) -> Path:
    """A benchmark file as Snakemake writes it."""
    path.write_text(f"{COLUMNS}\n{seconds}\t0:00:07\t{memory}\t900.1\t180.2\t190.3\t0.10\t0.20\t90.00\t6.50\n")
    return path


def write_runs(folder: Path, *runs: dict[str, Any]) -> dict[str, Any]:
    """The files of some runs: `model`, `seed`, and what of RECORD differs; a run of the model "svm" is a baseline."""
    files: dict[str, list] = {
        "runs": [],
        "training": [],
        "metrics": [],
        "train_benchmarks": [],
        "evaluate_benchmarks": [],
    }
    for index, run in enumerate(runs):
        kind = "baseline" if run["model"] == "svm" else "bert"
        files["runs"].append({"model": run["model"], "seed": run["seed"], "kind": kind})
        encoder = "" if kind == "baseline" else run.get("encoder", "tiny")
        metrics = {"encoder": encoder, "training_seconds": 61.25, "device": "cpu" if kind == "baseline" else "gpu:0"}
        if kind == "baseline":
            metrics["hyperparameters"] = json.dumps({"C": 0.1 * run["seed"], "temperature": 1.23456})
        files["metrics"].append(folder / f"{index}-metrics.json")
        files["metrics"][-1].write_text(json.dumps(metrics))
        files["train_benchmarks"].append(benchmark(folder / f"{index}-train.tsv", 1234.5))
        if kind == "bert":
            files["training"].append(folder / f"{index}-training.json")
            files["training"][-1].write_text(json.dumps(RECORD | run))
            files["evaluate_benchmarks"].append(benchmark(folder / f"{index}-evaluate.tsv", 20.04))
    return {"runs": files.pop("runs")} | {f"paths_{name}": paths for name, paths in files.items()}


def page_of(folder: Path, *runs: dict[str, Any]) -> str:
    """The page of some runs."""
    render_runs(**write_runs(folder, *runs), path_page=folder / "runs.html")
    return (folder / "runs.html").read_text(encoding="utf-8")


def lines_of(page: str, heading: str) -> list[list[str]]:
    """Cells of the table below a heading."""
    table = page.split(f"<h2>{heading}</h2>")[1].split("</table>")[0]
    lines = (re.findall(r"<td[^>]*>(.*?)</td>", line) for line in table.splitlines())
    return [[unescape(cell).strip() for cell in line] for line in lines if line]


def warnings_of(page: str) -> list[str]:
    """What the page warns of."""
    return [unescape(warning) for warning in re.findall(r"<li>(.*?)</li>", page)]


def test_a_line_per_run(tmp_path: Path):
    """Each run has its times, speed, memory, threads and kept epoch; a baseline has what it has."""
    page = page_of(tmp_path, {"model": "svm", "seed": 1}, {"model": "Tiny", "seed": 1}, {"model": "Tiny", "seed": 2})
    rest = ["1,234", "20.0", "61.2", "1,138", "1,011", "4", "2 of 3"]
    assert lines_of(page, "Times") == [
        ["svm", "cpu", "1", "1,234", "–", "61.2", "–", "219", "–", "–"],  # noqa: RUF001
        ["Tiny", "gpu:0", "1", *rest],
        ["Tiny", "gpu:0", "2", *rest],
    ]


def test_chosen_settings_of_baselines(tmp_path: Path):
    """Each baseline's C, seed by seed; a study of BERTs alone has no such part."""
    page = page_of(tmp_path, {"model": "svm", "seed": 1}, {"model": "svm", "seed": 10}, {"model": "Tiny", "seed": 1})
    assert lines_of(page, "Settings of the baselines") == [
        ["svm", "1", "C 0.1, temperature 1.235"],
        ["svm", "10", "C 1, temperature 1.235"],
    ]
    assert "Settings of the baselines" not in page_of(tmp_path, {"model": "Tiny", "seed": 1})


def test_totals_count_every_job(tmp_path: Path):
    """The totals are sums over all jobs in hours, minutes and seconds."""
    page = page_of(tmp_path, {"model": "svm", "seed": 1}, {"model": "Tiny", "seed": 1}, {"model": "Tiny", "seed": 2})
    assert "training jobs took 1:01:44 altogether, the evaluation jobs 0:00:40" in page
    assert "not measured" not in page


def test_versions_of_trainings_and_of_the_report(tmp_path: Path):
    """Each package stands once, with the version that trained and the version that renders."""
    versions = {line[0]: line[1:] for line in lines_of(page_of(tmp_path, {"model": "Tiny", "seed": 1}), "Versions")}
    assert versions["keras"] == ["3.15.1", "–"]  # noqa: RUF001
    assert versions["python"][0] == "3.11.7"
    assert {"snakemake", "altair", "scikit-learn", "scipy", "statsmodels"} <= versions.keys()
    assert all(re.fullmatch(r"\d+\.\d+.*", versions[package][1]) for package in ("python", "snakemake", "scipy"))


def test_checksums_name_the_runs_that_share_them(tmp_path: Path):
    """One line per checksum: a row by its name, or run by run where its runs differ."""
    other = {"data_sha256": "f" * 64, "encoder_sha256": "0" * 64, "encoder": "mini"}
    runs = [{"model": "Tiny", "seed": 1}, {"model": "Tiny", "seed": 2}, {"model": "Mini", "seed": 1} | other]
    page = page_of(tmp_path, *runs, {"model": "Mini", "seed": 2} | other | {"data_sha256": "d" * 64})
    assert lines_of(page, "Checksums") == [
        ["Training data", "d" * 64, "Tiny, Mini seed 2"],
        ["Training data", "f" * 64, "Mini seed 1"],
        ["Encoder tiny", "e" * 64, "Tiny"],
        ["Encoder mini", "0" * 64, "Mini"],
    ]


def test_equal_runs_raise_no_warning(tmp_path: Path):
    """Runs made alike are not warned of, though a baseline's device is named otherwise."""
    page = page_of(tmp_path, {"model": "svm", "seed": 1}, {"model": "Tiny", "seed": 1}, {"model": "Tiny", "seed": 2})
    assert warnings_of(page) == []
    assert "Warning" not in page


def test_different_versions_and_devices_are_warned_of(tmp_path: Path):
    """Each difference is one sentence with the values and the runs that have them."""
    versions = RECORD["versions"] | {"keras": "3.14.0"}
    jax = {"python": "3.11.7", "keras": "3.15.1", "jax": "0.9"}
    page = page_of(
        tmp_path,
        *({"model": "Tiny", "seed": seed} for seed in range(4)),
        {"model": "Mini", "seed": 1, "versions": versions, "device": "cpu:0"},
        {"model": "Mini", "seed": 2, "versions": jax, "threads": 2},
    )
    assert warnings_of(page) == [
        "The runs differ in the version of keras: 3.15.1 (5 runs); 3.14.0 (Mini seed 1).",
        "The runs differ in the version of tensorflow: 2.21.0 (5 runs); – (Mini seed 2).",  # noqa: RUF001
        "The runs differ in the version of jax: – (5 runs); 0.9 (Mini seed 2).",  # noqa: RUF001
        "The runs differ in the device: gpu:0 (5 runs); cpu:0 (Mini seed 1).",
        "The runs differ in the threads: 4 (5 runs); 2 (Mini seed 2).",
    ]


@pytest.mark.parametrize("missing", ["NA", "-", None])
def test_what_snakemake_did_not_measure_is_a_dash(tmp_path: Path, missing: str | None):
    """A job that ended too soon to be measured has no numbers, nor has one whose benchmark was lost."""
    study = write_runs(tmp_path, {"model": "svm", "seed": 1})
    [file] = study["paths_train_benchmarks"]
    if missing is None:
        file.unlink()
    else:
        assert read_benchmark(benchmark(file, 0.4, missing)) == (0.4, None)
        benchmark(file, missing, missing)
    render_runs(**study, path_page=tmp_path / "runs.html")
    page = (tmp_path / "runs.html").read_text()
    assert "jobs not measured: 1" in page
    assert lines_of(page, "Times")[0][3:8] == ["–", "–", "61.2", "–", "–"]  # noqa: RUF001
    assert "<h2>Checksums" not in page


def test_hostile_names_are_text(tmp_path: Path):
    """Names of rows, encoders and devices are escaped wherever they stand."""
    runs = [{"model": HOSTILE, "seed": seed, "encoder": HOSTILE, "device": f"{HOSTILE}{seed}"} for seed in (1, 2)]
    page = page_of(tmp_path, *runs)
    assert "<img" not in page
    assert any(HOSTILE in warning for warning in warnings_of(page))
