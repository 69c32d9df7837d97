"""Texts without labels in one safe form, none of them a test text."""

import logging
from pathlib import Path
from typing import Any

from bert_ladder.data.frames import frame_texts, plain, read_labels, write_texts
from bert_ladder.data.readers import MAX_BYTES, Wanted, read_published
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)


def build_corpus(
    path_data: str | Path,
    path_test: str | Path,
    path_labels: str | Path,
    path_corpus: str | Path,
    name: str,
    source: dict[str, Any],
    label: str | None = None,
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
        label: what the study calls the column of labels, which must not be there.
        max_bytes: refuse a file that holds more uncompressed bytes.

    Raises:
        BadInput: the file is not usable, has no text, has labels for texts, or test texts that are not to be dropped.
    """
    path, wanted = Path(path_data), Wanted(name, source.get("text"), label, labelled=False)
    texts, _, published = read_published(path, wanted, source, max_bytes)
    labels = {plain(one) for one in read_labels(path_labels)[0]}
    test: dict[str, int] = {}
    for row, text in enumerate(frame_texts(path_test)):
        if plain(text):
            test.setdefault(plain(text), row)
    rows, leaked, named = [], [], []
    for row, raw in enumerate(texts):
        text = plain(raw.decode())
        if text in test:
            leaked.append((row, test[text]))
        elif text:
            rows.append(row)
        if text in labels:
            named.append(row)
    if not rows and not leaked:
        raise BadInput(f"{path}: all {len(texts):,} texts are blank; give texts to learn from")
    if 2 * len(named) > len(rows) + len(leaked):
        raise BadInput(
            f"{path}: {len(named):,} of {len(rows) + len(leaked):,} texts are the name of a label, such as "
            f"{texts[named[0]].decode()!r}; name the column of the texts ({wanted.key('text')})"
        )
    if leaked and source["test_texts"] == "refuse":
        row, of_test = leaked[0]
        more = f", as are {len(leaked) - 1:,} more" if len(leaked) > 1 else ""
        raise BadInput(
            f"{path}, {published.where(row)}: the text is that of row {of_test + 1} of the test split{more}; nothing "
            f"may be pre-trained on test texts: remove them, or set {wanted.key('test_texts')} to drop"
        )
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
