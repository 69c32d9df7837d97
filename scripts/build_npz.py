"""Reads a data set in the form it was published in and writes one split as a safe, compact npz."""

from typing import Any

from bert_ladder.data.copies import ReadingRecord, checked_copies, published_file
from bert_ladder.data.ingestion import HeldOut, build_npz
from bert_ladder.data.rare_classes import RareClasses
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    params, output = snakemake.params, snakemake.output
    copies = checked_copies(snakemake.input.data, snakemake.input.record)
    settings = dict(params.settings)
    held_out, rare = settings.pop("held_out"), settings.pop("rare_classes")
    file = published_file(copies, params.split, **settings)
    build_npz(
        file, output.npz, HeldOut(**held_out) if held_out else None, RareClasses(**rare) if rare is not None else None
    )
    ReadingRecord(output.record, params.place, params.compared).write(copies, file.found)


if __name__ == "__main__":
    run_job(main, snakemake)
