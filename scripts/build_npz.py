"""Reads a data set in the form it was published in and writes one split as a safe, compact npz."""

from typing import Any

from bert_ladder.data.compacting import build_npz
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    build_npz(
        path_data=snakemake.input.data,
        path_npz=snakemake.output.npz,
        split=snakemake.params.split,
        source=snakemake.params.source,
        text=snakemake.params.text,
        label=snakemake.params.label,
        held_out=snakemake.params.held_out,
        max_bytes=snakemake.params.max_bytes,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
