"""What the study says, in plain words: which row to take, what is not separable, and whether more epochs would help.

Every claim of a difference rests on one test of pairs.csv after Holm's correction; rows are chosen on the validation
part and reported on the test split.
"""

from typing import Any

from bert_ladder.report.summary import render_summary
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    render_summary(
        path_table=snakemake.input.table,
        path_comparison=snakemake.input.comparison,
        path_pairs=snakemake.input.pairs,
        path_audit=snakemake.input.audit,
        paths_history=list(snakemake.input.history),
        paths_training=list(snakemake.input.training),
        paths_out={form: snakemake.output[form] for form in ("markdown", "html", "text")},
        runs=snakemake.params.runs,
        parts_differ=snakemake.params.parts_differ,
        study=snakemake.params.study,
        metric=snakemake.params.metric,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
