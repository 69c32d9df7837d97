"""The class that precision, recall and F1 of a two-class task are of."""

from typing import Any

from bert_ladder.data.labels import select_positive
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    select_positive(
        path_classes=snakemake.input.classes,
        path_positive=snakemake.output.positive,
        positive=snakemake.params.positive,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
