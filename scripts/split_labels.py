"""A fraction of the labelled texts, each class in proportion, divided into a training and a validation part."""

from typing import Any

from bert_ladder.data.label_parts import LabelledFiles, PartDraw, split_labels
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths, params = dict(snakemake.input.items()), snakemake.params
    split_labels(
        LabelledFiles(paths["frame"], paths.get("given")),
        PartDraw(params.part, params.seed, params.division),
        path_split=snakemake.output.split,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
