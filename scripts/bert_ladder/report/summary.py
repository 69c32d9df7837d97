"""What the study says, in plain words: which row to take, what is not separable, and whether more epochs would help.

Every claim of a difference rests on one test of pairs.csv after Holm's correction; rows are chosen on the validation
part and reported on the test split.
"""

import html
import json
import logging
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from bert_ladder.data.frames import read_rows
from bert_ladder.evaluation.inference import LEVEL, holm
from bert_ladder.report.markup import escape_markdown, one_line

log = logging.getLogger(__name__)

METRICS = {"accuracy": ("test_accuracy", "validation_accuracy", "accuracy"), "f1": ("f1", "validation_f1", "F1")}
LISTED = 10  # pairs that are told one by one
TEXT_WIDTH = 120
Section = tuple[str, list[str]]


class Study:
    """The numbers of a study, and the few questions that the words are made of.

    Args:
        table: table.csv.
        comparison: comparison.csv.
        pairs: pairs.csv.
        metric: "accuracy" or "f1", by which the pairs were compared.
    """

    def __init__(self, table: pd.DataFrame, comparison: pd.DataFrame, pairs: pd.DataFrame, metric: str):
        self.test, self.validation, self.name = METRICS[metric]
        self.table = table.set_index("model")
        self.comparison = comparison
        self.pairs = pairs
        self.berts = self.table.index[self.table["kind"] == "bert"].tolist()
        self.baselines = self.table.index[self.table["kind"] == "baseline"].tolist()

    def of(self, metric: str) -> pd.DataFrame:
        """The comparison's lines of one metric, by row."""
        return self.comparison[self.comparison["metric"] == metric].set_index("model")

    def best(self, rows: Sequence[str]) -> str:
        """The row with the highest mean on the validation part; of several the cheapest."""
        means = self.of(self.validation)["mean"][list(rows)]
        return self.cheapest(means.index[means == means.max()])

    def cheapest(self, rows: Sequence[str]) -> str:
        """The row that answers one text in the least time."""
        return self.table.loc[list(rows), "latency_ms"].idxmin()

    def within_one_error(self, best: str) -> list[str]:
        """Rows whose validation mean is no more than one standard error below the best's (Breiman et al. 1984)."""
        found = self.of(self.validation)
        limit = found.loc[best, "mean"] - found.loc[best, "se"]
        return found.index[found["mean"] >= limit].tolist()

    def pair(self, a: str, b: str) -> dict[str, Any]:
        """The comparison of row a with row b, a first."""
        pairs = self.pairs
        straight = pairs[(pairs["model_a"] == a) & (pairs["model_b"] == b)]
        if len(straight):
            return straight.iloc[0].to_dict()
        turned = pairs[(pairs["model_a"] == b) & (pairs["model_b"] == a)].iloc[0].to_dict()
        verdicts = {"better": "worse", "worse": "better", "not separable": "not separable"}
        return turned | {
            "model_a": a,
            "model_b": b,
            "difference": -turned["difference"],
            "low": -turned["high"],
            "high": -turned["low"],
            "verdict": verdicts[turned["verdict"]],
        }

    def measured(self, row: str) -> str:
        """A row's test metric with its interval, in words."""
        low, value, high = (self.table.loc[row, f"{self.test}{end}"] for end in ("_low", "", "_high"))
        return f"{100 * value:.2f} % [{100 * low:.2f}, {100 * high:.2f}]"


def difference(pair: dict[str, Any]) -> str:
    """A pair's difference with its interval and p-value, in words."""
    low, value, high = (100 * pair[key] for key in ("low", "difference", "high"))
    return f"{value:+z.2f} points [{low:+z.2f}, {high:+z.2f}], {p_value(pair['p_holm'])} after Holm's correction"


def p_value(p: float) -> str:
    """ "p = .032", "p < .001"."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".") if p < 1 else "p = 1"


def among(names: Sequence[str]) -> str:
    """ "“a”, “b” and “c”"."""
    quoted = [f"“{name}”" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def scope_section(study: Study) -> Section:
    """What the statements speak of."""
    seeds, models = "seeds and examples", "these trained models"
    scopes = set(study.pairs["scope"]) or {seeds if seeds in set(study.table["interval"]) else models}
    of_berts = study.table.loc[study.berts, "seeds"].astype(int)
    few, many = of_berts.min(), of_berts.max()
    count = f"{few} {'seed' if many == 1 else 'seeds'}" if few == many else f"{few} to {many} seeds"
    rows = "1 row is measured" if len(study.table) == 1 else f"{len(study.table)} rows are compared"
    lines = [
        f"{rows} by {study.name} on the test split, each BERT row with {count}. Rows are chosen on the validation part "
        "and reported on the test split. “Better” and “worse” are said only where the test of the pair is significant "
        "at 5 % after Holm's correction over all pairs; intervals in brackets are of one pair or row alone, at 95 %."
    ]
    if scopes == {models}:
        lines.append(
            "Every statement is of these trained models only: it says nothing about what another seed would give."
        )
    elif scopes == {seeds}:
        lines.append("Each comparison speaks of other seeds and other texts of this kind too, not of other data sets.")
    else:
        lines.append(
            "Between rows with several seeds a comparison speaks of other seeds too; where a row has one, or both are "
            "linear, of these trained models only."
        )
    if seeds in scopes and (of_berts == 2).any():
        lines.append(
            "Two seeds are few for a verdict: in simulations up to 15 % of studies had a false one, instead of 5 %."
        )
    return "What this speaks of", lines


def choice_section(study: Study, parts_differ: bool = False) -> Section:
    """Which row to take for accuracy, and which for cost.

    Args:
        study: the numbers.
        parts_differ: whether the rows were validated on different parts.
    """
    rows = study.table.index.tolist()
    best = study.best(rows)
    found = study.of(study.validation)
    lines = [
        f"For {study.name} take “{best}”: it has the highest mean on the validation part "
        f"({100 * found.loc[best, 'mean']:.2f} %); on the test split it reaches {study.measured(best)}."
    ]
    if parts_differ:
        lines.append("The rows' validation parts differ, so that this choice also holds the luck of the part.")
    others = [row for row in rows if row != best]
    above = [row for row in others if study.pair(row, best)["verdict"] == "better"]
    if above:
        lines.append(f"On the test split {among(above)} came out better than it; the choice was not made there.")
    close = [row for row in others if study.pair(row, best)["verdict"] == "not separable"]
    if close:
        lines.append(f"On the test split it is not separable from {among(close)}.")
    if not others:
        return "Which row to take", lines
    cheap = study.cheapest(study.within_one_error(best))
    cost = study.table["latency_ms"]
    if cheap == best:
        lines.append(
            f"For cost take it too: no row that answers faster than its {milliseconds(cost[best])} per text comes "
            "within one standard error of it on the validation part."
        )
    else:
        pair = study.pair(cheap, best)
        lines.append(
            f"For cost take “{cheap}”: the fastest row within one standard error of the best on the validation part, "
            f"{milliseconds(cost[cheap])} per text on the CPU instead of {milliseconds(cost[best])}. On the test split "
            f"it reaches {study.measured(cheap)}: {difference(pair)}, {spoken(pair['verdict'])} the best."
        )
    return "Which row to take", lines


def milliseconds(value: float) -> str:
    """Two digits of a time, or all before the point."""
    return f"{value:.2g} ms" if value < 9.95 else f"{value:,.0f} ms"


def spoken(verdict: str) -> str:
    """A verdict that a row's name can follow."""
    return {"better": "better than", "worse": "worse than", "not separable": "not separable from"}[verdict]


def baseline_section(study: Study) -> Section:
    """Whether any BERT beats the linear baseline."""
    if not study.baselines:
        return "BERT or a linear model", ["The study has no linear baseline: whether a BERT is worth its cost is open."]
    baseline = study.best(study.baselines)
    lines = [
        f"The linear baseline with the highest {study.name} on the validation part, “{baseline}”, reaches "
        f"{study.measured(baseline)} on the test split."
    ]
    pairs = {row: study.pair(row, baseline) for row in study.berts}
    for verdict in ("better", "not separable", "worse"):
        rows = [row for row in study.berts if pairs[row]["verdict"] == verdict]
        if rows:
            spans = "; ".join(f"“{row}” {difference(pairs[row])}" for row in rows)
            lines.append(f"{spoken(verdict).capitalize()} it: {spans}.")
    if not any(pair["verdict"] == "better" for pair in pairs.values()):
        lines.append("No BERT of this study is shown to beat the linear baseline.")
    return "BERT or a linear model", lines


def size_section(study: Study) -> Section:
    """Whether the next larger rung is better; of rows of one size the best on the validation part stands for it.

    A size is a number of parameters, the vocabulary's among them.
    """
    sizes = study.table.loc[study.berts].groupby("parameters", sort=True)
    order = [study.best(of_size.index) for _, of_size in sizes]
    lines = []
    for smaller, larger in pairwise(order):
        pair = study.pair(larger, smaller)
        lines.append(f"“{larger}” is {spoken(pair['verdict'])} “{smaller}”: {difference(pair)}.")
    if lines:
        lines.append(
            "Rungs are ordered by their number of parameters, the vocabulary's among them; of rows with the same "
            "number the best on the validation part is compared, whatever its settings."
        )
    return "From rung to rung", lines or ["All BERT rows are of one size: nothing to compare."]


def open_section(study: Study) -> Section:
    """Which differences are not separable with these data, and what it would take."""
    pairs = study.pairs[study.pairs["verdict"] == "not separable"]
    if study.pairs.empty:
        return "Not separable with these data", ["The study has one row: nothing to compare."]
    if pairs.empty:
        return "Not separable with these data", ["No pair: every difference between two rows is significant."]
    lines = [
        f"“{pair['model_a']}” and “{pair['model_b']}”: {difference(pair)}.{needed(pair)}"
        for pair in pairs.head(LISTED).to_dict("records")
    ]
    if len(pairs) > LISTED:
        lines.append(f"And {len(pairs) - LISTED} more pairs; the pairwise matrix has them all.")
    return "Not separable with these data", lines


def needed(pair: dict[str, Any]) -> str:
    """How many seeds, or test texts, a difference as large as the observed one would take."""
    if pd.notna(pair["seeds_needed"]):
        what = f"with about {int(pair['seeds_needed'])} seeds per row"
        if pair["seeds_needed"] <= min(pair["seeds_a"], pair["seeds_b"]):
            what += " (Holm's correction over all pairs asks for more)"
    elif pd.notna(pair["examples_needed"]):
        texts = f"about {int(pair['examples_needed']):,} test texts"
        what = f"only with {texts}, and many seeds" if pair["scope"] == "seeds and examples" else f"with {texts}"
    else:
        return ""
    return f" Were that the true difference, a single test would find it 4 times in 5 {what}."


def epochs_section(histories: pd.DataFrame, records: Sequence[dict[str, Any]]) -> Section:
    """What the last epoch brought: whether more epochs might help, or fewer had been enough.

    Per row the change of the validation loss in the last epoch, over seeds with Student's t, Holm-corrected over rows.
    Nothing is tested where a run stopped by itself: its last epoch is one without a gain by construction.

    Args:
        histories: history.csv of all BERT runs with `model` and `seed`.
        records: training.json of the same runs.
    """
    rows = [
        last_epoch(model, of_row, [record for record in records if record["model"] == model])
        for model, of_row in histories.groupby("model", sort=False)
    ]
    tested = [row for row in rows if row["p"] is not None]
    for row, corrected in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p"] = float(corrected)
    lines = [epochs_sentence(row) for row in rows if row["epochs"] > 1]
    if once := [f"“{row['model']}”" for row in rows if row["epochs"] < 2]:
        lines.append(f"{', '.join(once)}: trained for one epoch, which says nothing about a second.")
    if tested:
        lines.append(
            "Changes are means over seeds with their 95 % intervals; the p-values are Holm-corrected over the rows."
        )
    if any(row["decays"] and row["epochs"] > 1 for row in rows):
        lines.append(
            "Where the learning rate falls to zero (schedule linear or cosine) a longer training is another schedule, "
            "of which the last epoch says little."
        )
    return "Would more epochs help?", lines


def last_epoch(model: str, histories: pd.DataFrame, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One row's change of validation loss in the last epoch, and the epoch with the lowest mean validation loss."""
    losses = [of_seed.sort_values("epoch")["validation_loss"].to_numpy() for _, of_seed in histories.groupby("seed")]
    row = {
        "model": model,
        "seeds": len(losses),
        "epochs": records[0]["training"]["epochs"],
        "decays": records[0]["training"]["schedule"] != "constant",
        "ran": sorted(map(len, losses)),
        "kept": sorted(record["kept_epoch"] for record in records),
        "p": None,
    }
    if row["epochs"] < 2 or row["ran"][0] < row["epochs"]:
        return row
    changes = np.array([of_seed[-1] - of_seed[-2] for of_seed in losses])
    row |= {"change": float(changes.mean()), "lowest": int(np.mean(losses, axis=0).argmin()) + 1}
    if len(changes) > 1 and np.ptp(changes) > 0:
        tested = stats.ttest_1samp(changes, 0)
        interval = tested.confidence_interval(1 - LEVEL)
        row |= {"p": float(tested.pvalue), "low": float(interval.low), "high": float(interval.high)}
    return row


def epochs_sentence(row: dict[str, Any]) -> str:
    """What may be said of one row with several epochs; see `last_epoch`."""
    start = f"“{row['model']}”: "
    if row["ran"][0] < row["epochs"]:
        return (
            f"{start}stopped by itself after {span(row['ran'])} of at most {row['epochs']} epochs; the weights kept "
            f"are those of epoch {span(row['kept'])}."
        )
    lowest = (
        f"The validation loss was lowest{', on average,' if row['seeds'] > 1 else ''} after epoch {row['lowest']} of "
    )
    lowest += f"{row['epochs']}."
    if row["p"] is None:
        run = "its one run" if row["seeds"] == 1 else f"all {row['seeds']} runs alike"
        fell = "fell" if row["change"] < 0 else "did not fall"
        return f"{start}in {run} the validation loss {fell} in the last epoch ({row['change']:+.4f}). {lowest}"
    change = f"{row['change']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}], {p_value(row['p'])}"
    if row["p"] >= LEVEL:
        return f"{start}no change of the validation loss in the last epoch is shown ({change}). {lowest}"
    if row["change"] < 0:
        more = "" if row["decays"] else "; more epochs may help"
        return f"{start}the validation loss still fell in the last epoch ({change}){more}. {lowest}"
    return f"{start}the validation loss rose in the last epoch ({change}): by that measure it overfits. {lowest}"


def span(values: Sequence[int]) -> str:
    """ "3", or "3 to 7"."""
    return f"{values[0]}" if values[0] == values[-1] else f"{values[0]} to {values[-1]}"


def leak_section(study: Study, leaked: int) -> Section:
    """What the leaked test texts change."""
    title = "Test texts that are training texts too"
    if not leaked:
        return title, ["None: no test text stands in the training split."]
    change = (study.table["clean_accuracy"] - study.table["test_accuracy"]).abs().max()
    what = "1 test text is a training text" if leaked == 1 else f"{leaked:,} test texts are training texts"
    return title, [
        f"{what} too; without {'it' if leaked == 1 else 'them'} no row's test accuracy changes by more than "
        f"{100 * change:.2f} points."
    ]


def search_section(study: Study) -> Section | None:
    """What the searches found."""
    if "chosen" not in study.table or not study.table["chosen"].notna().any():
        return None
    lines = []
    for model, row in study.table[study.table["chosen"].notna()].iterrows():
        loss = row["search_metric"] == "loss"
        score = f"{row['search_score']:.4f}" if loss else f"{100 * row['search_score']:.2f} %"
        measure = "validation_loss" if loss else f"validation_{row['search_metric']}"
        again = study.of(measure).loc[model, "mean"]
        lines.append(
            f"“{model}”: {row['chosen']}, the best of {int(row['trials'])} trials by validation {row['search_metric']} "
            f"({score}). Trained with the row's seeds it has {f'{again:.4f}' if loss else f'{100 * again:.2f} %'} "
            f"there, and {study.measured(model)} {study.name} on the test split; of the best of several trials some "
            "luck is always a part."
        )
    return "What the search found", lines


def render_markdown(title: str, sections: Sequence[Section]) -> str:
    """Headings and lists."""
    parts = [f"# {escape_markdown(title)}"]
    for heading, lines in sections:
        parts += [f"## {escape_markdown(heading)}", "\n".join(f"- {escape_markdown(line)}" for line in lines)]
    return "\n\n".join(parts) + "\n"


def render_html(title: str, sections: Sequence[Section]) -> str:
    """A fragment for the report's first page: no page of its own, no script."""
    parts = [f"<h2>{html.escape(title)}</h2>"]
    for heading, lines in sections:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
        parts.append(f"<h3>{html.escape(heading)}</h3>\n<ul>{items}</ul>")
    return "\n".join(parts) + "\n"


def render_text(sections: Sequence[Section]) -> str:
    """For a terminal of 120 columns."""
    parts = []
    for heading, lines in sections:
        parts += [
            heading,
            *(textwrap.fill(line, TEXT_WIDTH, initial_indent="- ", subsequent_indent="  ") for line in lines),
        ]
    return "\n".join(parts) + "\n"


def render_summary(
    path_table: str | Path,
    path_comparison: str | Path,
    path_pairs: str | Path,
    path_audit: str | Path,
    paths_history: Sequence[str | Path],
    paths_training: Sequence[str | Path],
    paths_out: dict[str, str | Path],
    runs: Sequence[dict[str, Any]],
    parts_differ: bool,
    study: str,
    metric: str,
) -> None:
    """Write the summary in its three forms.

    Args:
        path_table, path_comparison, path_pairs, path_audit: table.csv, comparison.csv, pairs.csv, audit.json.
        paths_history, paths_training: history.csv and training.json of every BERT run.
        paths_out: "markdown", "html" (a fragment) and "text" (in short, for a terminal) to the files to write.
        runs: `model` and `seed` of every BERT run, in the order of the histories.
        parts_differ: whether the rows were validated on different parts.
        study: name of the study.
        metric: "accuracy" or "f1", by which the pairs were compared.
    """
    table, comparison, pairs = map(read_rows, (path_table, path_comparison, path_pairs))
    numbers = Study(table, comparison, pairs, metric)
    leaked = json.loads(Path(path_audit).read_text(encoding="utf-8"))["leaked"]["test_rows"]
    histories = pd.concat(
        [
            pd.read_csv(path).assign(model=run["model"], seed=run["seed"])
            for path, run in zip(paths_history, runs, strict=True)
        ]
    )
    records = [json.loads(Path(path).read_text(encoding="utf-8")) for path in paths_training]
    sections = [
        choice_section(numbers, parts_differ),
        baseline_section(numbers),
        size_section(numbers),
        open_section(numbers),
        epochs_section(histories, records),
        search_section(numbers),
        leak_section(numbers, leaked),
        scope_section(numbers),
    ]
    sections = [(heading, [one_line(line) for line in lines]) for heading, lines in filter(None, sections)]
    title = f"Study {study}: what it says"
    forms = {
        "markdown": render_markdown(title, sections),
        "html": render_html(title, sections),
        "text": render_text([*sections[:2], sections[-1]]),
    }
    for form, content in forms.items():
        Path(paths_out[form]).write_text(content, encoding="utf-8")
    log.info("%s: %d sections", study, len(sections))
