"""Compare the forms of the chosen model with the run that they were made from."""

from typing import Any

from bert_ladder.export.proof import compare_forms
from bert_ladder.report.forms_table import write_forms
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    paths, outputs = snakemake.input, snakemake.output
    evaluated = dict(zip(snakemake.params.forms, zip(paths.answers, paths.records, strict=True), strict=True))
    content = compare_forms(snakemake.params.folder, paths.predictions, evaluated, outputs.record)
    write_forms(content, outputs.csv, outputs.markdown)


if __name__ == "__main__":
    run_job(main, snakemake)
