"""Brings a published data file here from the first mirror that gives it."""

from typing import Any

from bert_ladder.data.mirrors import Published, download_dataset
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    params, output = snakemake.params, snakemake.output
    download_dataset(Published(**params.settings), output.data, output.record, dict(params.compared))


if __name__ == "__main__":
    run_job(main, snakemake)
