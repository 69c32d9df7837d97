"""Train / validation: each class in proportion, equal texts together, drawn by a fixed seed."""

from typing import Any

from bert_ladder.data.splits import split_frame
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    split_frame(
        path_train=snakemake.input.train,
        path_split=snakemake.output.split,
        fraction=snakemake.params.fraction,
        seed=snakemake.params.seed,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
