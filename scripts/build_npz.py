"""Reads a data set in the form it was published in and writes one split as a safe, compact npz."""

from typing import Any

from bert_ladder.data.copies import ReadingRecord, checked_copy
from bert_ladder.data.ingestion import HeldOut, build_npz
from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    params, output = snakemake.params, snakemake.output
    copy = checked_copy(snakemake.input.data, snakemake.input.record)
    settings = dict(params.settings)
    held_out = settings.pop("held_out")
    file = PublishedFile(path=copy.shown, name=params.split, copy=copy.path, **settings)
    build_npz(file, output.npz, HeldOut(**held_out) if held_out else None)
    ReadingRecord(output.record, params.place, params.compared).write(copy.sha256, file.found)


if __name__ == "__main__":
    run_job(main, snakemake)
