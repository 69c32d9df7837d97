"""Reads txt: a text per line, without labels."""

import array
from collections.abc import Iterator

from bert_ladder.data.readers.published import PublishedExamples, PublishedFile
from bert_ladder.data.readers.streams import open_text


def read_lines(file: PublishedFile) -> PublishedExamples:
    """Read a text per line; blank lines are passed over."""
    lines = array.array("q")

    def rows() -> Iterator[tuple[str]]:
        with open_text(file) as opened:
            for number, line in enumerate(opened, start=1):
                if line.strip():
                    lines.append(number)
                    yield (line.rstrip("\r\n"),)

    return PublishedExamples(rows(), lambda row: f"line {lines[row]}")
