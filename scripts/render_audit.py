"""The data audit in words: what was counted, what it means for a score, and when to worry."""

from typing import Any

from bert_ladder.report.audit_page import render_audit
from bert_ladder.runtime.jobs import run_job


def main(snakemake: Any) -> None:
    render_audit(
        path_audit=snakemake.input.audit,
        path_near=snakemake.input.near,
        path_labels=snakemake.input.labels,
        path_page=snakemake.output.page,
        show_texts=snakemake.params.texts,
    )


if __name__ == "__main__":
    run_job(main, snakemake)
