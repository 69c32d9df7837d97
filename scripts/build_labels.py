"""The names of the classes, and which of them is positive."""

from typing import Any

from bert_ladder.data.labels import build_labels
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    build_labels(
        path_classes=snakemake.input.classes,
        path_positive=snakemake.input.positive,
        path_labels=snakemake.output.labels,
        label_names=snakemake.params.label_names,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
