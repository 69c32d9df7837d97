"""Notes whose runs a folder holds, so that a row that is given another name keeps them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bert_ladder.runtime.jobs import run_job


def write_row(record: Mapping[str, Any], path_record: str | Path) -> None:
    """Write the record of a row's folder, as `bert_ladder.study.row_folders.row_record` gives it."""
    Path(path_record).write_text(json.dumps(dict(record), indent=2) + "\n", encoding="utf-8")


def main(snakemake: Any) -> None:
    write_row(snakemake.params.row, snakemake.output.record)


if __name__ == "__main__":
    run_job(main, snakemake)
