"""Let a form of the chosen model answer every text of the test split, as its user would."""

from pathlib import Path
from typing import Any

from bert_ladder.export.form_answers import Asked, evaluate_form
from bert_ladder.runtime.devices import set_up_device
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    # What the form's own process inherits.
    set_up_device(snakemake.threads)
    paths = snakemake.input
    evaluate_form(
        Path(paths.record).parent,
        snakemake.wildcards.form,
        Asked(paths.test, tuple(getattr(paths, "tokens", ()))),
        path_answers=snakemake.output.answers,
        path_record=snakemake.output.record,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
