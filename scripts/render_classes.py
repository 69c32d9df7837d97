"""How well each class is told: precision, recall and F1 of every row, the hardest classes first."""

from typing import Any

from bert_ladder.report.classes_page import render_classes
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    render_classes(
        paths_metrics=list(snakemake.input.metrics),
        runs=snakemake.params.runs,
        class_weights=snakemake.params.class_weights,
        path_page=snakemake.output.page,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
