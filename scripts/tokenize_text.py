"""Turn the texts of one split into WordPiece ids: untruncated, without [CLS] and [SEP], ready to be memory-mapped."""

from typing import Any

from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    set_up_device(snakemake.threads)
    from bert_ladder.data.wordpiece import tokenize_frame

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
