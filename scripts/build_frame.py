"""From the safe npz of both splits to one parquet each, with the labels as indices into their sorted names."""

from typing import Any

from bert_ladder.data.label_coding import build_frame
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    build_frame(
        path_train=snakemake.input.train,
        path_test=snakemake.input.test,
        path_train_frame=snakemake.output.train,
        path_test_frame=snakemake.output.test,
        path_labels=snakemake.output.labels,
        positive=snakemake.params.positive,
        label_names=snakemake.params.label_names,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
