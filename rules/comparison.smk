"""What the runs say together: means, intervals and pairwise tests.

Inputs: metrics.json and predictions.parquet of every run, the test rows that leaked from train.
Outputs: <results>/comparison.csv and pairs.csv.
"""


rule compare_models:
    """Means and 95 % intervals of every row's metrics, and a test of every pair of rows."""
    input:
        metrics=of_runs("<results>/runs/{model}/seed-{seed}/metrics.json", RUNS),
        predictions=of_runs("<results>/runs/{model}/seed-{seed}/predictions.parquet", RUNS),
        labels="<results>/data/labels.json",
        leaked="<results>/data/leaked.parquet",
        code=code_of("compare_models"),
    output:
        comparison="<results>/comparison.csv",
        pairs="<results>/pairs.csv",
    log:
        "<logs>/compare_models.log",
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        metric=STUDY["comparison"]["metric"],
        over=STUDY["comparison"]["over"],
        split_per_run=SPLIT_PER_RUN,
    script:
        "../scripts/compare_models.py"
