"""Fetch a vocabulary of the catalogue from the first of its sources that gives it."""

from pathlib import Path
from typing import Any

from bert_ladder.encoders.fetching import DOWNLOADS, fetch_known_vocabulary
from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    set_up_device(snakemake.threads)
    name = snakemake.wildcards.vocabulary
    fetch_known_vocabulary(
        snakemake.input.catalog, name, output=Path(snakemake.output.vocabulary), downloads=DOWNLOADS / name
    )


if __name__ == "__main__":
    run_job(main, snakemake)
