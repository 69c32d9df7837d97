"""Whether the times of a study's rows can be ranked: docs/statistics.md gives the rule."""

from collections.abc import Sequence

import pandas as pd

# Of a machine's cores: so much work may be at hand, that of the row and that of others, while a row is timed.
MOST_WORK = 1.25
# The interquartile range of the times of a row's batches may be this share of their median.
MOST_SPREAD = 0.5
MACHINE = ["processor", "cores", "threads"]
NEEDED = [*MACHINE, "other_load", "throughput_spread"]


def disturbed(table: pd.DataFrame) -> pd.Series:
    """Whether other work took cores while a row was timed, or its times scattered, bool by row.

    Args:
        table: table.csv.
    """
    work = table["threads"] + table["other_load"]
    return (work > MOST_WORK * table["cores"]) | (table["throughput_spread"] > MOST_SPREAD)


def unranked(table: pd.DataFrame) -> str | None:
    """Why the times of the rows cannot be ranked, to stand behind "since"; None where they can.

    Args:
        table: table.csv.
    """
    timed = table.reindex(columns=["model", "latency_ms", *NEEDED])
    timed = timed[timed["latency_ms"].notna()]
    if len(timed) < 2:
        return None
    if timed[NEEDED].isna().any(axis=None):
        return "it is not recorded on which machine they were measured and what else it did"
    kinds = [machine(*kind) for kind in timed[MACHINE].drop_duplicates().itertuples(index=False, name=None)]
    if len(kinds) > 1:
        return f"they were measured on machines of different kinds ({'; '.join(kinds)})"
    restless = timed.loc[disturbed(timed), "model"].tolist()
    if restless:
        names = "all rows" if len(restless) == len(timed) else ", ".join(f"“{name}”" for name in restless)
        return (
            f"other work disturbed {'that' if len(restless) == 1 else 'those'} of {names}; measure again with "
            "--forcerun evaluate_speed while the machine does nothing else"
        )
    return None


def front(accuracy: Sequence[float], cost: Sequence[float]) -> list[bool]:
    """Which rows are on the Pareto front: no other row is at least as good in both and better in one.

    Args:
        accuracy: more is better.
        cost: less is better.
    """
    rows = list(zip(accuracy, cost, strict=True))
    return [
        not any(high >= accuracy and low <= cost and (high, low) != (accuracy, cost) for high, low in rows)
        for accuracy, cost in rows
    ]


def machine(processor: str, cores: float, threads: float) -> str:
    """A kind of machine in words."""
    return f"{processor} with {cores:.0f} cores, {threads:.0f} threads"
