"""From the safe npz of both splits to one parquet each, with the labels as indices into their sorted values."""

from typing import Any

from bert_ladder.data.frames import SplitPaths
from bert_ladder.data.label_encoding import NamedLabels, build_frame
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    build_frame(
        splits=SplitPaths(snakemake.input.train, snakemake.input.test),
        frames=SplitPaths(snakemake.output.train, snakemake.output.test),
        path_classes=snakemake.output.classes,
        named=NamedLabels(**snakemake.params.named),
    )


if __name__ == "__main__":
    run_job(main, snakemake)
