"""The study's table as csv, markdown, LaTeX, terminal text and HTML."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bert_ladder.data.frames import read_labels, read_rows, rows_csv
from bert_ladder.report.cells import measure_cells, table_cells
from bert_ladder.report.records import read_record
from bert_ladder.report.table_forms import render_html, render_latex, render_markdown, render_text
from bert_ladder.report.table_notes import foot_lines, held_out_lines

log = logging.getLogger(__name__)

DROPPED = 10  # trials of one rung that are named
# What the table takes over from speed.json.
SPEED_COLUMNS = (
    *("latency_ms", "latency_p95_ms", "latency_iqr_ms", "throughput", "throughput_spread", "memory_mb", "threads"),
    *("host", "processor", "cores", "load_average", "other_load", "engine"),
)


@dataclass(frozen=True)
class TableSources:
    """The files that the table is made of.

    Attributes:
        comparison: comparison.csv.
        metrics: metrics.json of every run.
        audit: audit.json.
        labels: labels.json.
        speed: speed.json of every row, in the order of the table.
        outcome: outcome.json of every search, in a folder of the row's `path`.
    """

    comparison: str | Path
    metrics: Sequence[str | Path]
    audit: str | Path
    labels: str | Path
    speed: Sequence[str | Path]
    outcome: Sequence[str | Path]


def render_table(
    sources: TableSources,
    rows: Sequence[dict[str, Any]],
    study: str,
    notes: Sequence[str],
    held_out: dict[str, Any] | None,
    paths_out: dict[str, str | Path],
) -> None:
    """Write the table in its five forms.

    Args:
        sources: the files that the numbers stand in.
        rows: see `build_table`.
        study: name of the study.
        notes: lines to add to the foot.
        held_out: `fraction` and `seed` of the test split where it was held out of the training file.
        paths_out: "csv", "markdown", "latex", "text" and "html" to the files to write.
    """
    comparison = read_rows(sources.comparison)
    metrics = pd.DataFrame(map(read_record, sources.metrics))
    audit = read_record(sources.audit)
    names, positive = read_labels(sources.labels)
    speeds = {row["model"]: read_record(path) for row, path in zip(rows, sources.speed, strict=True)}
    # By folder: an outcome has the name that its row had at the time.
    outcomes = {Path(path).parent.name: read_record(path) for path in sources.outcome}
    searches = {row["model"]: outcomes[row["path"]] for row in rows if row["path"] in outcomes}
    table = build_table(comparison, metrics, rows, speeds, searches)
    tables = table_cells(table), measure_cells(table)
    foot = foot_lines(table, names, positive, audit, [*held_out_lines(audit, held_out), *notes])
    texts = [f"{count:,} {split}" for split, count in audit["rows"].items()]
    title = f"Study {study}: {', '.join(texts[:-1])} and {texts[-1]} texts"
    forms = {
        "csv": rows_csv(table),
        "markdown": render_markdown(*tables, title, foot),
        "latex": render_latex(*tables, title, foot, study),
        "text": render_text(*tables, title, foot),
        "html": render_html(*tables, title, foot),
    }
    for form, content in forms.items():
        Path(paths_out[form]).write_text(content, encoding="utf-8")
    log.info("%s: %d rows", study, len(table))


def build_table(
    comparison: pd.DataFrame,
    metrics: pd.DataFrame,
    rows: Sequence[dict[str, Any]],
    speeds: dict[str, dict[str, Any]],
    searches: dict[str, dict[str, Any]],
) -> pd.DataFrame:
    """One line per row of the table, everything at full precision.

    Args:
        comparison: what compare_models wrote.
        metrics: one line per run, as in metrics.json.
        rows: the rows in order: `model` (its name), `path` (its folder), `encoder`, and, where a row has them,
            `reference` (metric to the original study's value) and `class_weight` (in words).
        speeds: speed.json by row.
        searches: outcome.json of each row that has a search.

    Returns:
        model, kind, encoder, parameters, seeds, the mean of every metric of the comparison, <metric>_low and
        <metric>_high where it has an interval, test_accuracy_sd (over seeds), interval (the method of that of
        test_accuracy), average, majority_class, constant_accuracy and constant_f1 (what the best answer that is the
        same for every test text reaches), constant_runs (how many of the row's runs give every test text one class),
        constant_class (which; names with commas between, or empty), n_validation (texts; the least of its runs), the
        `SPEED_COLUMNS`, class_weight where some row has one, trials, chosen (the values in words), search_metric,
        search_score, halving and dropped where a search is halved (its rungs, and who went no further, in words), and
        reference_<metric> and difference_<metric> (ours - original) of every metric that some row
        has a value for.
    """
    lines = []
    for row in rows:
        runs = metrics[metrics["model"] == row["model"]]
        run = runs.iloc[0]
        constant = runs["constant_prediction"].dropna()
        found = comparison[comparison["model"] == row["model"]].set_index("metric")
        line = {
            "model": row["model"],
            "kind": run["kind"],
            "encoder": row["encoder"],
            "parameters": int(run["parameters"]),
            "seeds": int(found.loc["test_accuracy", "seeds"]),
        }
        for metric, values in found.iterrows():
            line[metric] = values["mean"]
            if pd.notna(values["low"]):
                line |= {f"{metric}_low": values["low"], f"{metric}_high": values["high"]}
        line |= {
            "test_accuracy_sd": found.loc["test_accuracy", "sd"],
            "interval": found.loc["test_accuracy", "method"],
            "average": run["average"],
            **{key: run[key] for key in ("majority_class", "constant_accuracy", "constant_f1")},
            "constant_runs": len(constant),
            "constant_class": ", ".join(constant.unique()),
            "n_validation": int(runs["n_validation"].min()),
        }
        speed = speeds.get(row["model"], {})
        line |= {key: speed.get(key) for key in SPEED_COLUMNS}
        line |= {key: row[key] for key in ("class_weight",) if key in row}
        chosen = searches.get(row["model"])
        if chosen:
            line |= {
                "trials": chosen["trials"],
                "chosen": _values(chosen["values"]),
                "search_metric": chosen["metric"],
                "search_score": chosen["score"],
                **(halving_words(chosen["rungs"]) if "rungs" in chosen else {}),
            }
        for metric, value in (row.get("reference") or {}).items():
            line |= {f"reference_{metric}": value, f"difference_{metric}": line[metric] - value}
        lines.append(line)
    return pd.DataFrame(lines)


def halving_words(rungs: Sequence[dict[str, Any]]) -> dict[str, str]:
    """What became of the trials of a search that is halved, in words.

    Args:
        rungs: of outcome.json.

    Returns:
        `halving`, how many trials were trained how far, and `dropped`, the values of those that went no further.
    """
    far = [f"{100 * rung['budget']:g} %" for rung in rungs]
    first, *later = zip(rungs, far, strict=True)
    ways = [f"{rung['trials']} to {'the end' if rung['budget'] == 1 else part}" for rung, part in later]
    dropped: list[str] = []
    for rung, part in zip(rungs, far, strict=True):
        named = [_values(values) for values in rung["dropped"]]
        rest = len(named) - DROPPED
        named = named if rest <= 0 else [*named[:DROPPED], f"and {rest} more"]
        dropped += [f"{'After' if dropped else 'after'} {part}: {'; '.join(named)}"] if named else []
    return {
        "halving": ", ".join([f"{first[0]['trials']} trials to {first[1]} of their steps", *ways]),
        "dropped": ". ".join(dropped),
    }


def _values(values: dict[str, Any]) -> str:
    """The values of a trial in words."""
    return ", ".join(f"{key} {_yaml(value)}" for key, value in values.items())


def _yaml(value: Any) -> str:
    """A setting as the study file writes it."""
    return value if isinstance(value, str) else json.dumps(value)
