"""Texts without labels in one safe form, none of them a test text."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _data import plain, read_labels, read_texts, write_texts
from _job import BadInput, run_job
from _published_rows import MAX_BYTES, Wanted, read_published

log = logging.getLogger(__name__)


def build_corpus(
    path_data: str | Path,
    path_test: str | Path,
    path_labels: str | Path,
    path_corpus: str | Path,
    name: str,
    source: dict[str, Any],
    max_bytes: int = MAX_BYTES,
) -> None:
    """Write a parquet with the texts in DATA_COLUMN, in the order of the file; blank ones are left out.

    Args:
        path_data: the file as published, see `read_published`.
        path_test: parquet of the test split.
        path_labels: labels.json.
        path_corpus: parquet to write.
        name: of the entry of `dataset.unlabelled`.
        source: that entry: optional keys `format`, `folder`, `text`, and `test_texts`, "refuse" or "drop".
        max_bytes: refuse a file that holds more uncompressed bytes.

    Raises:
        BadInput: the file is not usable, has no text, has labels for texts, or test texts that are not to be dropped.
    """
    path, wanted = Path(path_data), Wanted(name, source.get("text"), labelled=False)
    texts, _, published = read_published(path, wanted, source, max_bytes)
    spoken = [plain(raw.decode()) for raw in texts]
    rows = [row for row, text in enumerate(spoken) if text]
    if not rows:
        raise BadInput(f"{path}: all {len(texts):,} texts are blank; give texts to learn from")
    refuse_labels(path, [spoken[row] for row in rows], read_labels(path_labels)[0], wanted)
    test = {text: row for row, text in reversed(list(enumerate(map(plain, read_texts(path_test)))))}
    leaked = [row for row in rows if spoken[row] in test]
    if leaked and source["test_texts"] == "refuse":
        raise BadInput(
            f"{path}, {published.where(leaked[0])}: the text is that of row {test[spoken[leaked[0]]] + 1} of the test "
            f"split, as are {len(leaked) - 1:,} more; nothing may be pre-trained on test texts: remove them, or set "
            f"{wanted.key('test_texts')} to drop"
        )
    rows = [row for row in rows if spoken[row] not in test]
    if not rows:
        raise BadInput(f"{path}: all texts are test texts; give other texts to learn from")
    write_texts(path_corpus, [texts[row] for row in rows])
    log.info(
        "%s: %s texts, %s blank and %s test texts left out",
        name,
        f"{len(rows):,}",
        f"{len(texts) - len(leaked) - len(rows):,}",
        f"{len(leaked):,}",
    )


def refuse_labels(path: Path, texts: Sequence[str], names: Sequence[str], wanted: Wanted) -> None:
    """Refuse a column of labels that was taken for one of texts.

    Raises:
        BadInput: more than half of the texts are the name of a label.
    """
    labels = {plain(name) for name in names}
    found = [text for text in texts if text in labels]
    if 2 * len(found) > len(texts):
        raise BadInput(
            f"{path}: {len(found):,} of {len(texts):,} texts are the name of a label, such as '{found[0]}'; name the "
            f"column of the texts ({wanted.key('text')})"
        )


def main(snakemake: Any) -> None:
    build_corpus(
        path_data=snakemake.input.data,
        path_test=snakemake.input.test,
        path_labels=snakemake.input.labels,
        path_corpus=snakemake.output.corpus,
        name=snakemake.params.corpus,
        source=snakemake.params.source,
        max_bytes=snakemake.params.max_bytes,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
