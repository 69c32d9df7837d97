"""Texts without labels in one safe form, none of them a test text."""

from pathlib import Path
from typing import Any

from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.data.unlabelled_texts import build_corpus
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    source = snakemake.params.source
    file = PublishedFile(
        path=Path(snakemake.input.data),
        name=snakemake.params.corpus,
        label=snakemake.params.label,
        max_bytes=snakemake.params.max_bytes,
        labelled=False,
        **{key: source[key] for key in ("text", "format", "folder") if key in source},
    )
    build_corpus(
        file,
        path_test=snakemake.input.test,
        path_classes=snakemake.input.classes,
        path_corpus=snakemake.output.corpus,
        test_texts=source["test_texts"],
    )


if __name__ == "__main__":
    run_job(main, snakemake)
