"""The steps of a search that is halved: its smallest budget must be one at the least, before hours of training."""

from typing import Any

from bert_ladder.data.training_steps import check_halving
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    params = snakemake.params
    check_halving(
        list(snakemake.input.split),
        params.model,
        params.smallest,
        params.trained,
        path_checked=snakemake.output.checked,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
