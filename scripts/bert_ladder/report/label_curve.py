"""What a label curve says in words: where rows cross, and what more labels would bring; each only where it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from bert_ladder.data.frames import read_rows
from bert_ladder.report.results import METRICS, Pair
from bert_ladder.report.words import Section, among, difference

SECTION = "What more labels bring"
TIMES = {2: "Twice"}
WHY_NO_LAW = {
    "few fractions": "takes four fractions or more",
    "few seeds": "takes three seeds or more",
    "few errors": "takes ten wrong answers per run or more at every fraction",
}


@dataclass(frozen=True)
class LabelCurve:
    """The tables of a label curve.

    Attributes:
        curve: label_curve.csv, a line per row and fraction.
        pairs: label_curve_pairs.csv, a line per pair of rows and fraction.
        laws: label_curve_laws.csv, a line per row.
    """

    curve: pd.DataFrame
    pairs: pd.DataFrame
    laws: pd.DataFrame

    @property
    def metric(self) -> str:
        """The metric in words."""
        return METRICS[self.curve["metric"].iloc[0]].name


def read_label_curve(curve: str | Path, pairs: str | Path, laws: str | Path) -> LabelCurve:
    """Read the three files."""
    return LabelCurve(*map(read_rows, (curve, pairs, laws)))


def labels_section(found: LabelCurve | None) -> Section | None:
    """Power laws and crossings in sentences; None where the study has no label curve."""
    return None if found is None else (SECTION, [*law_lines(found), *crossing_lines(found.pairs)])


def law_lines(found: LabelCurve) -> list[str]:
    """What each row would gain by more labels, or why that is not said."""
    lines = [_law_line(law, found.metric) for law in _lines(found.laws) if pd.isna(law["refused"])]
    lines += [_missed_line(law) for law in _lines(found.laws) if law["refused"] == "missed"]
    for reason, words in WHY_NO_LAW.items():
        rows = found.laws["model"][found.laws["refused"] == reason].tolist()
        if rows:
            lines.append(f"What more labels would bring {among(rows)} is not said: a power law {words}.")
    return lines


def _law_line(law: dict[str, Any], metric: str) -> str:
    low, gain, high = (100 * law[f"gain{end}"] for end in ("_low", "", "_high"))
    return (
        f"{TIMES[law['times']]} the labels would give “{law['model']}” {gain:+z.2f} points of {metric} "
        f"[{low:+z.2f}, {high:+z.2f}]: so the power law through its smaller fractions has it, which foretold an error "
        f"of {_error(law)} at {law['labels']:,} labels, where {100 * law['measured']:.2f} % was measured."
    )


def _missed_line(law: dict[str, Any]) -> str:
    return (
        f"What more labels would bring “{law['model']}” is not said: the power law through its smaller fractions "
        f"foretold an error of {_error(law)} at {law['labels']:,} labels, but {100 * law['measured']:.2f} % was "
        "measured."
    )


def _error(law: dict[str, Any]) -> str:
    low, error, high = (100 * law[f"error{end}"] for end in ("_low", "", "_high"))
    return f"{error:.2f} % [{low:.2f}, {high:.2f}]"


def crossing_lines(pairs: pd.DataFrame) -> list[str]:
    """The pairs of rows of which each is better than the other at some number of labels.

    Args:
        pairs: label_curve_pairs.csv.
    """
    return [
        f"“{before['model_a']}” is {before['verdict']} than “{before['model_b']}” with {before['labels']:,} labels "
        f"({difference(before)}) and {after['verdict']} with {after['labels']:,} ({difference(after)}): they cross in "
        "between."
        for before, after in crossings(pairs)
    ]


def crossings(pairs: pd.DataFrame) -> list[tuple[Pair, Pair]]:
    """The last test before, and the first one after, each crossing that both tests show.

    Args:
        pairs: label_curve_pairs.csv.
    """
    found = []
    for _, of_pair in pairs.groupby(["model_a", "model_b"], sort=False):
        told = of_pair[of_pair["verdict"] != "not separable"].sort_values("labels").to_dict("records")
        found += [(before, after) for before, after in pairwise(told) if before["verdict"] != after["verdict"]]
    return found


def pair_lines(pairs: pd.DataFrame) -> list[str]:
    """One sentence for each pair of rows: at which numbers of labels one is better, and whether they cross.

    Args:
        pairs: label_curve_pairs.csv.
    """
    crossed = crossings(pairs)
    lines = []
    for (a, b), of_pair in pairs.groupby(["model_a", "model_b"], sort=False):
        ordered = of_pair.sort_values("labels")
        parts = []
        for verdict, words in (
            ("better", "better than"),
            ("worse", "worse than"),
            ("not separable", "not separable from"),
        ):
            numbers = ordered["labels"][ordered["verdict"] == verdict].tolist()
            if numbers:
                parts.append(f"{words} “{b}” {_numbers(numbers, len(ordered))}")
        cross = [after for _, after in crossed if (after["model_a"], after["model_b"]) == (a, b)]
        signs = set(ordered["difference"] > 0)
        end = "." if cross or len(signs) == 1 else ", so that no crossing is shown, though the means cross."
        lines.append(f"“{a}” is {'; '.join(parts)}{end}")
    return lines


def _numbers(numbers: Sequence[int], most: int) -> str:
    if len(numbers) == most:
        return f"at every number of labels, {numbers[0]:,} to {numbers[-1]:,}"
    return f"with {', '.join(f'{number:,}' for number in numbers)} labels"


def _lines(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in line.items()} for line in table.to_dict("records")]
