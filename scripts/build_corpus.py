"""Texts without labels in one safe form, none of them a test text."""

from typing import Any

from bert_ladder.data.copies import ReadingRecord, checked_copies, published_file
from bert_ladder.data.unlabelled_texts import build_corpus
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths, params, output = snakemake.input, snakemake.params, snakemake.output
    copies = checked_copies(paths.data, paths.record)
    settings = dict(params.settings)
    test_texts = settings.pop("test_texts")
    file = published_file(copies, params.corpus, labelled=False, **settings)
    build_corpus(
        file, path_test=paths.test, path_classes=paths.classes, path_corpus=output.corpus, test_texts=test_texts
    )
    ReadingRecord(output.record, params.place, params.compared).write(copies, file.found)


if __name__ == "__main__":
    run_job(main, snakemake)
