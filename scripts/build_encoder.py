"""Build an encoder with random weights, in normal form."""

from typing import Any

from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    set_up_device(snakemake.threads)
    from bert_ladder.encoders.scratch import write_scratch_encoder

    write_scratch_encoder(
        snakemake.params.scratch,
        snakemake.params.lower_case,
        vocabulary=snakemake.input.vocabulary,
        outputs=EncoderFiles.of(dict(snakemake.output.items())),
        name=snakemake.wildcards.encoder,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
