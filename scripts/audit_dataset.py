"""What a reader must know of the data before trusting a score: duplicates, leakage, balance, lengths, cut texts."""

from typing import Any

from bert_ladder.data.audit import AuditedFiles, audit_dataset
from bert_ladder.data.frames import SplitPaths
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    audit_dataset(
        AuditedFiles(
            frames=SplitPaths(
                snakemake.input.train, snakemake.input.test, getattr(snakemake.input, "validation", None)
            ),
            records=SplitPaths(*snakemake.input.records),
            labels=snakemake.input.labels,
            offsets=list(snakemake.input.offsets),
        ),
        vocabularies=snakemake.params.vocabularies,
        path_audit=snakemake.output.audit,
        path_leaked=snakemake.output.leaked,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
