"""Texts without labels in one safe form, none of them a test text."""

import logging
from pathlib import Path

from bert_ladder.data.frames import frame_texts, plain, read_classes, write_texts
from bert_ladder.data.readers.forms import read_examples
from bert_ladder.data.readers.published import PublishedFile
from bert_ladder.runtime.jobs import BadInput

log = logging.getLogger(__name__)


def build_corpus(
    file: PublishedFile, path_test: str | Path, path_classes: str | Path, path_corpus: str | Path, test_texts: str
) -> None:
    """Write a parquet with the texts in DATA_COLUMN, in the order of the file; blank ones are left out.

    Args:
        file: the texts as published.
        path_test: parquet of the test split.
        path_classes: classes.json.
        path_corpus: parquet to write.
        test_texts: what to do with test texts, "refuse" or "drop".

    Raises:
        BadInput: the file is not usable, has no text, has labels for texts, or test texts that are not to be dropped.
    """
    texts, _, examples = read_examples(file)
    labels = {plain(one) for one in read_classes(path_classes)}
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
        raise BadInput(f"{file.path}: all {len(texts):,} texts are blank; give texts to learn from")
    if 2 * len(named) > len(rows) + len(leaked):
        raise BadInput(
            f"{file.path}: {len(named):,} of {len(rows) + len(leaked):,} texts are the name of a label, such as "
            f"{texts[named[0]].decode()!r}; name the column of the texts ({file.key('text')})"
        )
    if leaked and test_texts == "refuse":
        row, of_test = leaked[0]
        more = f", as are {len(leaked) - 1:,} more" if len(leaked) > 1 else ""
        raise BadInput(
            f"{file.path}, {examples.where(row)}: the text is that of row {of_test + 1} of the test split{more}; "
            f"nothing may be pre-trained on test texts: remove them, or set {file.key('test_texts')} to drop"
        )
    if not rows:
        raise BadInput(f"{file.path}: all texts are test texts; give other texts to learn from")
    write_texts(path_corpus, [texts[row] for row in rows])
    log.info(
        "%s: %s texts, %s blank and %s test texts left out",
        file.name,
        f"{len(rows):,}",
        f"{len(texts) - len(leaked) - len(rows):,}",
        f"{len(leaked):,}",
    )
