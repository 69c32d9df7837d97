"""Turn the texts of one split into WordPiece ids: untruncated, without [CLS] and [SEP], ready to be memory-mapped."""

from typing import Any

from _device import set_up_device
from _job import run_job


def main(snakemake: Any) -> None:
    set_up_device(snakemake.threads)
    from _tokenizer import tokenize_frame

    tokenize_frame(
        frame=snakemake.input.frame,
        vocabulary=snakemake.input.vocabulary,
        ids_path=snakemake.output.ids,
        offsets_path=snakemake.output.offsets,
        lower_case=snakemake.params.lower_case,
        threads=snakemake.threads,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
