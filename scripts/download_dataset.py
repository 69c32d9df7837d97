"""Brings a published data file here from the first mirror that gives it."""

from typing import Any

from bert_ladder.data.mirrors import download_dataset
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    local = snakemake.input.get("local", [])
    here = [local] if isinstance(local, str) else list(local)
    download_dataset(
        locations=here or list(snakemake.params.locations),
        path_data=snakemake.output.data,
        path_record=snakemake.output.record,
        sha256=snakemake.params.sha256,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
