"""Texts without labels in one safe form, none of them a test text."""

from typing import Any

from bert_ladder.data.copies import ReadingRecord, checked_copy
from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.data.unlabelled_texts import build_corpus
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths, params, output = snakemake.input, snakemake.params, snakemake.output
    copy = checked_copy(paths.data, paths.record)
    settings = dict(params.settings)
    test_texts = settings.pop("test_texts")
    file = PublishedFile(path=copy.shown, name=params.corpus, copy=copy.path, labelled=False, **settings)
    build_corpus(
        file, path_test=paths.test, path_classes=paths.classes, path_corpus=output.corpus, test_texts=test_texts
    )
    ReadingRecord(output.record, params.place, params.compared).write(copy.sha256, file.found)


if __name__ == "__main__":
    run_job(main, snakemake)
