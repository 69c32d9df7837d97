"""Fetch a vocabulary of the catalogue from the first of its sources that gives it."""

from pathlib import Path
from typing import Any

import yaml

from bert_ladder.encoders.fetching import DOWNLOADS, fetch_vocabulary, vocabularies_at_hand
from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    set_up_device(snakemake.threads)
    name = snakemake.wildcards.vocabulary
    catalog = yaml.safe_load(Path(snakemake.input.catalog).read_text(encoding="utf-8"))
    fetch_vocabulary(
        catalog["vocabularies"][name],
        output=Path(snakemake.output.vocabulary),
        at_hand=vocabularies_at_hand(),
        downloads=DOWNLOADS / name,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
