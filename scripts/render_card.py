"""The card of the chosen model: what it is, what it was measured at, its limits."""

from typing import Any

from bert_ladder.report.card import CardSources, render_card
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths = snakemake.input
    render_card(
        CardSources(paths.chosen, paths.table, paths.audit),
        licences=snakemake.params.licences,
        path_card=snakemake.output.card,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
