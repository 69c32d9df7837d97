"""Learn a WordPiece vocabulary from the training text with TF Text's learner, or check a given one."""

from typing import Any

from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    set_up_device(snakemake.threads)
    from bert_ladder.data.vocabularies import build_from_file, build_from_text

    output, lower_case = snakemake.output.vocabulary, snakemake.params.lower_case
    given = snakemake.input.get("file")
    if given:
        build_from_file(path=given, output=output, lower_case=lower_case)
    else:
        build_from_text(
            frames=list(snakemake.input.text), output=output, size=snakemake.params.size, lower_case=lower_case
        )


if __name__ == "__main__":
    run_job(main, snakemake)
