"""What a job costs beside its work, from the records of a finished study.

    python bench/job_overhead.py results/demo

Prints the seconds of each phase of a job (median, and the whole study's sum) and the time between two jobs of a lane,
which is Snakemake's own.
"""

import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from bert_ladder.report.figures.timeline import PHASES, evaluation_job, in_lanes, phases_of, read_record, training_job


def study_phases(folder: Path) -> pd.DataFrame:
    """The phases of all trainings, trials and evaluations, as `in_lanes` gives them; a name ends with its kind."""
    jobs = [
        job_of(read_record(file), f"{file.parent} {kind}")
        for kind, job_of, pattern in (
            ("training", training_job, "runs/*/seed-*/training.json"),
            ("trial", training_job, "search/**/seed-*/training.json"),
            ("evaluation", evaluation_job, "runs/*/seed-*/metrics.json"),
        )
        for file in sorted(folder.glob(pattern))
        if (file.parent / "training.json").exists()
    ]
    return in_lanes(phases_of(jobs))


def gaps(phases: pd.DataFrame) -> pd.Series:
    """Seconds between the end of a job and the start of the next in its lane."""
    jobs = phases.groupby(["lane", "job"], as_index=False).agg(start=("start", "min"), end=("end", "max"))
    jobs = jobs.sort_values(["lane", "start"])
    return (jobs["start"] - jobs.groupby("lane")["end"].shift()).dropna()


def main() -> None:
    phases = study_phases(Path(sys.argv[1]))
    phases["seconds"] = phases["end"] - phases["start"]
    phases["kind"] = phases["job"].str.split().str[-1]
    of_jobs = phases.groupby(["kind", "job", "phase"], as_index=False)["seconds"].sum()
    table = of_jobs.groupby(["kind", "phase"])["seconds"].agg(["count", "median", "sum"]).round(2)
    order = [(kind, phase) for kind in table.index.levels[0] for phase in PHASES if (kind, phase) in table.index]
    print(table.loc[order].to_string())
    between = gaps(phases)
    print(f"between two jobs of a lane: median {between.median():.2f} s, sum {between.sum():.1f} s ({len(between)})")
    whole = phases["lane"].nunique() * phases["end"].max()
    print(f"lane time: {whole:.0f} s in {phases['lane'].nunique()} lanes")


if __name__ == "__main__":
    main()
