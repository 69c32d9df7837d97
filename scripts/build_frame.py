"""From the safe npz of both splits to one parquet each, with the labels as indices into their sorted names."""

from typing import Any

from bert_ladder.data.frames import SplitPaths
from bert_ladder.data.label_encoding import build_frame
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    build_frame(
        splits=SplitPaths(snakemake.input.train, snakemake.input.test),
        frames=SplitPaths(snakemake.output.train, snakemake.output.test),
        path_labels=snakemake.output.labels,
        positive=snakemake.params.positive,
        label_names=snakemake.params.label_names,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
