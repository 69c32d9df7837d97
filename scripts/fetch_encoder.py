"""Fetch an encoder from the first of its sources that gives it, into normal form."""

from pathlib import Path
from typing import Any

from bert_ladder.encoders.fetching import DOWNLOADS
from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    set_up_device(snakemake.threads)
    from bert_ladder.encoders.conversion import fetch_known_encoder

    given = snakemake.input.get("vocabulary")
    fetch_known_encoder(
        snakemake.input.catalog,
        snakemake.params.definition,
        lower_case=snakemake.params.lower_case,
        vocabulary=Path(given) if given else snakemake.params.vocabulary,
        outputs={key: Path(snakemake.output[key]) for key in ("config", "weights", "vocabulary")},
        downloads=DOWNLOADS / snakemake.wildcards.encoder,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
