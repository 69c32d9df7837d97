"""The row that the study recommends, ready to use: its best run, how its probabilities become answers, what it is."""

from pathlib import Path
from typing import Any

from bert_ladder.data.frames import read_rows
from bert_ladder.evaluation.hand_over import HandOver, Reason, RunFiles, best_run, hand_over
from bert_ladder.report.choice import choose_row
from bert_ladder.report.results import Results
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths, params = snakemake.input, snakemake.params
    tables = map(read_rows, (paths.table, paths.comparison, paths.pairs))
    choice = choose_row(Results(*tables, params.metric), params.choose)
    encoders = dict(zip(params.rows, zip(paths.configs, paths.vocabularies, strict=True), strict=True))
    runs = [
        RunFiles(
            Path(metrics).parent,
            encoder=list(map(Path, encoders.get(choice.row, ()))),
            speed=Path(metrics).parents[1] / "speed.json",
        )
        for metrics, run in zip(paths.metrics, params.runs, strict=True)
        if run["model"] == choice.row
    ]
    hand_over(
        best_run(runs, params.metric),
        Reason(choice.by, choice.why),
        path_labels=paths.labels,
        wanted=params.decision,
        data=dict(zip(params.files, paths.data, strict=True)),
        outputs=HandOver(Path(snakemake.output.record), Path(snakemake.output.native)),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
