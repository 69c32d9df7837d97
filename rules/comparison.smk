"""What the runs say together: means, intervals and pairwise tests.

Inputs: metrics.json and predictions.parquet of every run, the test rows that leaked from train.
Outputs: <results>/comparison.csv and pairs.csv.
"""


rule compare_models:
    """Means and 95 % intervals of every row's metrics, and a test of every pair of rows."""
    input:
        metrics=files_of(STUDY.runs.all, "metrics.json"),
        predictions=files_of(STUDY.runs.all, "predictions.parquet"),
        labels="<results>/data/labels.json",
        leaked="<results>/data/leaked.parquet",
        code=code_of("compare_models"),
    output:
        comparison="<results>/comparison.csv",
        pairs="<results>/pairs.csv",
    log:
        "<logs>/compare_models.log",
    # What takes seconds is not worth a cluster's queue.
    localrule: True
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        metric=STUDY.metric,
        over=STUDY.settings["comparison"]["over"],
        split_per_run=STUDY.splits.per_run,
    message:
        "Compare the rows"
    script:
        "../scripts/compare_models.py"
