"""Texts that are nearly equal, within the splits and across them."""

from typing import Any

from bert_ladder.data.frames import SplitPaths
from bert_ladder.data.near_duplicates import audit_near_duplicates
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    audit_near_duplicates(
        frames=SplitPaths(snakemake.input.train, snakemake.input.test),
        path_near=snakemake.output.near,
        threads=snakemake.threads,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
