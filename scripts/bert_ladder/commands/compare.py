"""`bert-ladder compare`: finished studies side by side."""

import argparse
import sys
from pathlib import Path
from typing import Any


def add_compare(commands: Any) -> None:
    """Add the command that lays studies side by side."""
    parser = commands.add_parser(
        "compare",
        help="lay finished studies of several data sets side by side",
        description="Lay finished studies side by side, a data set each: rows of one name, their mean ranks, and mean "
        "differences with intervals over the data sets. docs/datasets.md says more.",
    )
    parser.set_defaults(run=compare)
    parser.add_argument("studies", metavar="FOLDER", nargs="+", type=Path, help="of a finished study: results/<study>")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        type=Path,
        help="where to write datasets.csv, datasets_pairs.csv, datasets.md and the page datasets.html too",
    )


def compare(options: argparse.Namespace) -> None:
    """Run `bert-ladder compare`.

    Raises:
        BadInput: the studies cannot be laid side by side.
    """
    from bert_ladder.evaluation.datasets import compare_datasets, read_finished
    from bert_ladder.report.datasets_page import datasets_text, write_datasets

    found = compare_datasets([read_finished(folder) for folder in options.studies])
    print(datasets_text(found))
    if options.output is not None:
        write_datasets(found, options.output)
        print(f"Page: {options.output / 'datasets.html'}", file=sys.stderr)
