"""How the runs were made: what each took, and with which versions, devices and data."""

import json
import logging
import platform
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from bert_ladder.report.html import escape, html_page, html_table
from bert_ladder.runtime.packages import versions_of

log = logging.getLogger(__name__)

TITLE = "Runs: times, versions, checksums"
PACKAGES = ("snakemake", "altair", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "statsmodels")
NAMED = 3  # runs that a warning names before it only counts
ABSENT = "\N{EN DASH}"
HEADERS = {
    "model": "Row",
    "device": "Device",
    "seed": "Seed",
    "train_job": "Training job, s",
    "evaluate_job": "Evaluation job, s",
    "training_seconds": "Training alone, s",
    "examples_per_second": "Texts per s",
    "memory": "Peak memory, MB",
    "threads": "Threads",
    "epochs": "Kept epoch",
}


def render_runs(
    paths_training: Sequence[str | Path],
    paths_metrics: Sequence[str | Path],
    paths_train_benchmarks: Sequence[str | Path],
    paths_evaluate_benchmarks: Sequence[str | Path],
    path_page: str | Path,
    runs: Sequence[dict[str, Any]],
) -> None:
    """Write the page.

    Args:
        paths_training: training.json of every BERT run.
        paths_metrics: metrics.json of every run.
        paths_train_benchmarks: Snakemake's benchmark of the training job of every run; it may be missing.
        paths_evaluate_benchmarks: the same of the evaluation job of every BERT run.
        path_page: html file to write.
        runs: `model`, `seed` and `kind` ("baseline" or "bert") of every run; all paths are in this order.
    """
    described = read_runs(paths_training, paths_metrics, paths_train_benchmarks, paths_evaluate_benchmarks, runs)
    found = differences(described)
    Path(path_page).write_text(runs_page(described, found, installed_versions()), encoding="utf-8")
    for difference in found:
        log.warning("%s", difference)
    log.info("%d runs", len(described))


def read_runs(
    paths_training: Sequence[str | Path],
    paths_metrics: Sequence[str | Path],
    paths_train_benchmarks: Sequence[str | Path],
    paths_evaluate_benchmarks: Sequence[str | Path],
    runs: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """What is known of each run.

    Args:
        paths_training, paths_metrics, paths_train_benchmarks, paths_evaluate_benchmarks, runs: see `render_runs`.

    Returns:
        For each run `model`, `seed`, `kind`, `encoder`, `record` (training.json; empty for a baseline),
        `training_seconds`, `device`, `train_job` and `evaluate_job` (seconds of wall time, None where there is no such
        job or no measurement), `memory` (MB, None where not measured).
    """
    berts = [(run["model"], run["seed"]) for run in runs if run["kind"] == "bert"]
    paths_of = {run: paths for run, *paths in zip(berts, paths_training, paths_evaluate_benchmarks, strict=True)}
    described = []
    for run, path_metrics, path_benchmark in zip(runs, paths_metrics, paths_train_benchmarks, strict=True):
        metrics, train = _read_json(path_metrics), read_benchmark(path_benchmark)
        record, evaluate = {}, {"s": None}
        if run["kind"] == "bert":
            path_training, path_evaluate = paths_of[run["model"], run["seed"]]
            record, evaluate = _read_json(path_training), read_benchmark(path_evaluate)
        described.append(
            {
                **{key: run[key] for key in ("model", "seed", "kind")},
                **{key: metrics[key] for key in ("encoder", "training_seconds", "device")},
                "record": record,
                "train_job": train["s"],
                "evaluate_job": evaluate["s"],
                # The process's own account is exact; Snakemake looks every few seconds.
                "memory": record.get("peak_memory_mb", train["max_rss"]),
            }
        )
    return described


def read_benchmark(path: str | Path) -> dict[str, float | None]:
    """Wall seconds `s` and peak resident memory `max_rss` (MB) of a job.

    Either is None where Snakemake measured nothing, and both are where the file is not there: a benchmark is no output
    that Snakemake would make again.
    """
    if not Path(path).is_file():
        return {"s": None, "max_rss": None}
    last = pd.read_csv(path, sep="\t").iloc[-1]
    values = {key: pd.to_numeric(last[key], errors="coerce") for key in ("s", "max_rss")}
    return {key: None if pd.isna(value) else float(value) for key, value in values.items()}


def differences(runs: Sequence[dict[str, Any]]) -> list[str]:
    """One sentence for each version and device, and for the threads, in which the BERT runs differ.

    Args:
        runs: from `read_runs`.
    """
    berts = [run for run in runs if run["record"]]
    seen = {f"the version of {package}": values for package, values in package_versions(berts).items()}
    seen |= {f"the {key}": _by_value(berts, lambda run, key=key: run["record"][key]) for key in ("device", "threads")}
    return [
        f"The runs differ in {what}: {'; '.join(f'{value} ({_named(having)})' for value, having in values.items())}."
        for what, values in seen.items()
        if len(values) > 1
    ]


def package_versions(runs: Sequence[dict[str, Any]]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Package to version to the BERT runs that were trained with it; `ABSENT` where a run did without the package."""
    packages = dict.fromkeys(package for run in runs for package in run["record"]["versions"])
    return {
        package: _by_value(runs, lambda run, package=package: run["record"]["versions"].get(package, ABSENT))
        for package in packages
    }


def installed_versions() -> dict[str, str]:
    """Python and the packages that compare and render, as this job has them; an environment may lack some."""
    return {"python": platform.python_version()} | versions_of(PACKAGES)


def runs_page(runs: Sequence[dict[str, Any]], differences: Sequence[str], installed: dict[str, str]) -> str:
    """The html page.

    Args:
        runs: from `read_runs`.
        differences: sentences to warn with.
        installed: package to version, of the job that renders.
    """
    parts = [_warning(differences), _times(runs)]
    berts = [run for run in runs if run["record"]]
    parts.append(_versions(package_versions(berts), installed))
    if berts:
        parts.append(_checksums(berts))
    return html_page(TITLE, "\n".join(parts))


def _warning(differences: Sequence[str]) -> str:
    if not differences:
        return ""
    items = "".join(f"<li>{escape(difference)}</li>" for difference in differences)
    return f"""<div class="note"><strong>Warning: the runs were not made alike.</strong>
<ul>{items}</ul>
Compare their times, and small differences of their scores, with care, or delete the odd ones and run again.</div>"""


def _times(runs: Sequence[dict[str, Any]]) -> str:
    lines = []
    for run in runs:
        record = run["record"]
        cells = {
            "model": run["model"],
            "device": run["device"],
            "seed": str(run["seed"]),
            **{key: _seconds(run[key]) for key in ("train_job", "evaluate_job", "training_seconds")},
            "memory": ABSENT if run["memory"] is None else f"{run['memory']:,.0f}",
        }
        if record:
            cells |= {
                "examples_per_second": f"{record['examples_per_second']:,.0f}",
                "threads": str(record["threads"]),
                "epochs": f"{record['kept_epoch']} of {record['epochs']}",
            }
        lines.append([cells.get(key, ABSENT) for key in HEADERS])
    train, evaluate = (sum(run[key] or 0 for run in runs) for key in ("train_job", "evaluate_job"))
    lost = sum((run["train_job"] is None) + (run["evaluate_job"] is None and bool(run["record"])) for run in runs)
    without = f"; jobs not measured: {lost}" if lost else ""
    return f"""<p>The training jobs took {_clock(train)} altogether, the evaluation jobs {_clock(evaluate)}
(hours:minutes:seconds; jobs that ran side by side count each{without}).</p>
<h2>Times</h2>
<p>A job's time is on the clock, from its start to its end, with the loading of TensorFlow and of the data; training
alone is what table.csv calls training_seconds. A linear baseline has no evaluation job, and its training counts its
tuning. Peak memory is the training process's own, in main memory; what a GPU holds is not in it.</p>
{html_table(list(HEADERS.values()), lines, "ll" + "r" * (len(HEADERS) - 2))}"""


def _versions(trained: dict[str, dict[str, list[dict[str, Any]]]], installed: dict[str, str]) -> str:
    lines = []
    for package in [*trained, *(name for name in installed if name not in trained)]:
        used = trained.get(package, {})
        shown = [f"{value} ({_named(having)})" if len(used) > 1 else value for value, having in used.items()]
        lines.append([package, "; ".join(shown) or ABSENT, installed.get(package, ABSENT)])
    return f"""<h2>Versions</h2>
<p>Of Python and of the packages that the BERTs were trained with, and of those with which this page was made.</p>
{html_table(["Package", "Training", "Report"], lines, "lll")}"""


def _checksums(berts: Sequence[dict[str, Any]]) -> str:
    data = _by_value(berts, lambda run: run["record"]["data_sha256"])
    encoders = _by_value(berts, lambda run: run["record"]["encoder_sha256"])
    lines = [["Training data", checksum, _rows(having, berts)] for checksum, having in data.items()]
    lines += [
        [f"Encoder {', '.join(dict.fromkeys(run['encoder'] for run in having))}", checksum, _rows(having, berts)]
        for checksum, having in encoders.items()
    ]
    return f"""<h2>Checksums</h2>
<p>SHA-256 of what a run was trained on: the data are its token ids, its labels and its division into training and
validation part together, the encoder its weights before training. Two runs with the same checksums started from the
same files.</p>
{html_table(["What", "SHA-256", "Runs"], lines, "lll")}"""


def _by_value(runs: Sequence[dict[str, Any]], value: Callable[[dict[str, Any]], Any]) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for run in runs:
        found.setdefault(str(value(run)), []).append(run)
    return found


def _named(runs: Sequence[dict[str, Any]]) -> str:
    if len(runs) > NAMED:
        return f"{len(runs)} runs"
    return ", ".join(f"{run['model']} seed {run['seed']}" for run in runs)


def _rows(runs: Sequence[dict[str, Any]], berts: Sequence[dict[str, Any]]) -> str:
    """The rows of some runs; with the seed where not all runs of the row are among them."""
    total, here = (Counter(run["model"] for run in some) for some in (berts, runs))
    shown = [
        run["model"] if here[run["model"]] == total[run["model"]] else f"{run['model']} seed {run['seed']}"
        for run in runs
    ]
    return ", ".join(dict.fromkeys(shown))


def _seconds(seconds: float | None) -> str:
    return ABSENT if seconds is None else f"{seconds:,.{0 if seconds >= 100 else 1}f}"


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _read_json(path: str | Path) -> dict[str, Any]:
    return json.loads(Path(path).read_text(encoding="utf-8"))
