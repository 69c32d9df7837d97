"""Reads a data set in the form it was published in and writes one split as a safe, compact npz."""

from pathlib import Path
from typing import Any

from bert_ladder.data.ingestion import HeldOut, build_npz
from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    params = snakemake.params
    file = PublishedFile(
        path=Path(snakemake.input.data),
        name=params.split,
        text=params.text,
        label=params.label,
        max_bytes=params.max_bytes,
        **params.source,
    )
    build_npz(file, snakemake.output.npz, HeldOut(**params.held_out) if params.held_out else None)


if __name__ == "__main__":
    run_job(main, snakemake)
