"""Build an encoder with random weights, in normal form."""

import logging
import shutil
from pathlib import Path
from typing import Any

from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job

log = logging.getLogger(__name__)


def main(snakemake: Any) -> None:
    set_up_device(snakemake.threads)
    from bert_ladder.encoders.normal_form import save_encoder, scratch_encoder

    vocabulary = Path(snakemake.input.vocabulary).read_text(encoding="utf-8").rstrip("\n").split("\n")
    encoder, backbone = scratch_encoder(snakemake.params.scratch, vocabulary, snakemake.params.lower_case)
    save_encoder(encoder, backbone, snakemake.output.config, snakemake.output.weights)
    shutil.copyfile(snakemake.input.vocabulary, snakemake.output.vocabulary)
    log.info("%s: %s parameters", snakemake.wildcards.encoder, f"{backbone.count_params():,}")


if __name__ == "__main__":
    run_job(main, snakemake)
