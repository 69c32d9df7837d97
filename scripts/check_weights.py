"""The labels that class weights name, before hours of training."""

from typing import Any

from bert_ladder.data.class_weights import check_weights
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    check_weights(snakemake.input.classes, snakemake.params.weighted, snakemake.output.weighted)


if __name__ == "__main__":
    run_job(main, snakemake)
