"""All figures of a study, interactive, on one page that fetches nothing."""

from typing import Any

from bert_ladder.report.figures_page import render_figures
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    render_figures(
        paths_spec=list(snakemake.input.specs),
        titles=snakemake.params.titles,
        paths_caption=list(snakemake.input.captions),
        path_page=snakemake.output.page,
        study=snakemake.params.study,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
