"""Texts without labels in one safe form, none of them a test text."""

from typing import Any

from bert_ladder.data.corpora import build_corpus
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    build_corpus(
        path_data=snakemake.input.data,
        path_test=snakemake.input.test,
        path_labels=snakemake.input.labels,
        path_corpus=snakemake.output.corpus,
        name=snakemake.params.corpus,
        source=snakemake.params.source,
        label=snakemake.params.label,
        max_bytes=snakemake.params.max_bytes,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
