"""A page to browse mistakes on the test split: the surest ones of every row, and where the rows disagree."""

from typing import Any

from bert_ladder.report.errors_page import render_errors
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    render_errors(
        paths_predictions=list(snakemake.input.predictions),
        path_test=snakemake.input.test,
        path_labels=snakemake.input.labels,
        path_page=snakemake.output.page,
        runs=snakemake.params.runs,
        show_texts=snakemake.params.texts,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
