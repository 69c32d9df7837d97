"""How the runs were made: what each took, and with which versions, devices and data."""

import json
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from bert_ladder.report.html import Table
from bert_ladder.report.records import read_record
from bert_ladder.runtime.packages import versions_of

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


@dataclass(frozen=True)
class Run:
    """What is known of a run.

    Attributes:
        model: the row's shown name.
        seed: of the run.
        encoder: its name; empty for a linear model of n-grams.
        device: that it was trained on.
        training_seconds: as in table.csv.
        chosen: of a baseline, what was chosen on its validation part, by name; else empty.
        record: training.json of a BERT; else empty.
        train_job: seconds of wall time of the training job, None where not measured.
        evaluate_job: seconds of wall time of the evaluation job, None where not measured or where there is none.
        memory: peak of the training process, MB; None where not measured.
    """

    model: str
    seed: int
    encoder: str
    device: str
    training_seconds: float
    chosen: dict[str, float]
    record: dict[str, Any]
    train_job: float | None
    evaluate_job: float | None
    memory: float | None


def read_runs(
    paths_training: Sequence[str | Path],
    paths_metrics: Sequence[str | Path],
    paths_train_benchmarks: Sequence[str | Path],
    paths_evaluate_benchmarks: Sequence[str | Path],
    runs: Sequence[dict[str, Any]],
) -> list[Run]:
    """What is known of each run.

    Args:
        paths_training, paths_metrics, paths_train_benchmarks, paths_evaluate_benchmarks, runs: see `render_runs`.
    """
    of_berts = zip(paths_training, paths_evaluate_benchmarks, strict=True)
    described = []
    for run, path_metrics, path_benchmark in zip(runs, paths_metrics, paths_train_benchmarks, strict=True):
        metrics, (train_job, memory) = read_record(path_metrics), read_benchmark(path_benchmark)
        record, evaluate_job = {}, None
        if run["kind"] == "bert":
            path_training, path_evaluate = next(of_berts)
            record, (evaluate_job, _) = read_record(path_training), read_benchmark(path_evaluate)
        described.append(
            Run(
                **{key: run[key] for key in ("model", "seed")},
                **{key: metrics[key] for key in ("encoder", "device", "training_seconds")},
                chosen=json.loads(metrics["hyperparameters"]) if run["kind"] != "bert" else {},
                record=record,
                train_job=train_job,
                evaluate_job=evaluate_job,
                # The process's own account is exact; Snakemake looks every few seconds.
                memory=record.get("peak_memory_mb", memory),
            )
        )
    return described


def read_benchmark(path: str | Path) -> tuple[float | None, float | None]:
    """Wall seconds and peak resident memory (MB) of a job.

    Either is None where Snakemake measured nothing, and both are where the file is not there: a benchmark is no output
    that Snakemake would make again.
    """
    if not Path(path).is_file():
        return None, None
    last = pd.read_csv(path, sep="\t").iloc[-1]
    seconds, memory = (pd.to_numeric(last[key], errors="coerce") for key in ("s", "max_rss"))
    return None if pd.isna(seconds) else float(seconds), None if pd.isna(memory) else float(memory)


def differences(runs: Sequence[Run]) -> list[str]:
    """One sentence for each version and device, and for the threads, in which the BERT runs differ."""
    berts = [run for run in runs if run.record]
    seen = {f"the version of {package}": values for package, values in package_versions(berts).items()}
    seen |= {f"the {key}": _by_value(berts, [run.record[key] for run in berts]) for key in ("device", "threads")}
    return [
        f"The runs differ in {what}: {'; '.join(f'{value} ({_named(having)})' for value, having in values.items())}."
        for what, values in seen.items()
        if len(values) > 1
    ]


def package_versions(runs: Sequence[Run]) -> dict[str, dict[str, list[Run]]]:
    """Package to version to the BERT runs that were trained with it; `ABSENT` where a run did without the package."""
    packages = dict.fromkeys(package for run in runs for package in run.record["versions"])
    return {
        package: _by_value(runs, [run.record["versions"].get(package, ABSENT) for run in runs]) for package in packages
    }


def installed_versions() -> dict[str, str]:
    """Python and the packages that compare and render, as this job has them; an environment may lack some."""
    return {"python": platform.python_version()} | versions_of(PACKAGES)


def described_runs(runs: Sequence[Run], differences: Sequence[str], installed: dict[str, str]) -> dict[str, Any]:
    """What the templates of the runs name.

    Args:
        runs: from `read_runs`.
        differences: sentences to warn with.
        installed: package to version, of the job that renders.

    Returns:
        `differences`, `training_time` and `evaluation_time` (hours:minutes:seconds), `unmeasured` (jobs), and the
        `Table`s `times`, `chosen`, `versions` and `checksums`, of which `chosen` and `checksums` may be None.
    """
    berts = [run for run in runs if run.record]
    return {
        "differences": differences,
        "training_time": _clock(run.train_job for run in runs),
        "evaluation_time": _clock(run.evaluate_job for run in runs),
        "unmeasured": sum((run.train_job is None) + (run.evaluate_job is None and bool(run.record)) for run in runs),
        "times": _times(runs),
        "chosen": _chosen([run for run in runs if run.chosen]),
        "versions": _versions(package_versions(berts), installed),
        "checksums": _checksums(berts) if berts else None,
    }


def _times(runs: Sequence[Run]) -> Table:
    lines = []
    for run in runs:
        cells = {
            "model": run.model,
            "device": run.device,
            "seed": str(run.seed),
            "train_job": _seconds(run.train_job),
            "evaluate_job": _seconds(run.evaluate_job),
            "training_seconds": _seconds(run.training_seconds),
            "memory": ABSENT if run.memory is None else f"{run.memory:,.0f}",
        }
        if run.record:
            cells |= {
                "examples_per_second": f"{run.record['examples_per_second']:,.0f}",
                "threads": str(run.record["threads"]),
                "epochs": f"{run.record['kept_epoch']} of {run.record['epochs']}",
            }
        lines.append([cells.get(key, ABSENT) for key in HEADERS])
    return Table(list(HEADERS.values()), lines, "ll" + "r" * (len(HEADERS) - 2))


def _chosen(baselines: Sequence[Run]) -> Table | None:
    """What was chosen for each baseline; None without one."""
    lines = [
        [run.model, str(run.seed), ", ".join(f"{name} {value:.4g}" for name, value in run.chosen.items())]
        for run in baselines
    ]
    return Table(["Row", "Seed", "Chosen"], lines, "lrl") if lines else None


def _versions(trained: dict[str, dict[str, list[Run]]], installed: dict[str, str]) -> Table:
    lines = []
    for package in [*trained, *(name for name in installed if name not in trained)]:
        used = trained.get(package, {})
        shown = [f"{value} ({_named(having)})" if len(used) > 1 else value for value, having in used.items()]
        lines.append([package, "; ".join(shown) or ABSENT, installed.get(package, ABSENT)])
    return Table(["Package", "Training", "Report"], lines, "lll")


def _checksums(berts: Sequence[Run]) -> Table:
    data = _by_value(berts, [run.record["data_sha256"] for run in berts])
    encoders = _by_value(berts, [run.record["encoder_sha256"] for run in berts])
    lines = [["Training data", checksum, _rows(having, berts)] for checksum, having in data.items()]
    lines += [
        [f"Encoder {', '.join(dict.fromkeys(run.encoder for run in having))}", checksum, _rows(having, berts)]
        for checksum, having in encoders.items()
    ]
    return Table(["What", "SHA-256", "Runs"], lines, "lll")


def _by_value(runs: Sequence[Run], values: Sequence[Any]) -> dict[str, list[Run]]:
    """The runs that share a value, by its text; one value for each run."""
    found: dict[str, list[Run]] = {}
    for run, value in zip(runs, values, strict=True):
        found.setdefault(str(value), []).append(run)
    return found


def _named(runs: Sequence[Run]) -> str:
    if len(runs) > NAMED:
        return f"{len(runs)} runs"
    return ", ".join(f"{run.model} seed {run.seed}" for run in runs)


def _rows(runs: Sequence[Run], berts: Sequence[Run]) -> str:
    """The rows of some runs; with the seed where not all runs of the row are among them."""
    total, here = (Counter(run.model for run in some) for some in (berts, runs))
    shown = [run.model if here[run.model] == total[run.model] else f"{run.model} seed {run.seed}" for run in runs]
    return ", ".join(dict.fromkeys(shown))


def _seconds(seconds: float | None) -> str:
    return ABSENT if seconds is None else f"{seconds:,.{0 if seconds >= 100 else 1}f}"


def _clock(seconds: Iterable[float | None]) -> str:
    """The sum of what was measured, in hours, minutes and seconds."""
    return str(timedelta(seconds=round(sum(filter(None, seconds)))))
