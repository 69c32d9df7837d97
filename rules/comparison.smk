"""What the runs say together: means and intervals per row.

Inputs: metrics.json and predictions.parquet of every run.
Outputs: <results>/comparison.csv.
"""


rule compare_models:
    """Means and 95 % intervals of every row's metrics."""
    input:
        metrics=of_runs("<results>/runs/{model}/seed-{seed}/metrics.json", BASELINE_RUNS + BERT_RUNS),
        predictions=of_runs("<results>/runs/{model}/seed-{seed}/predictions.parquet", BASELINE_RUNS + BERT_RUNS),
        labels="<results>/data/labels.json",
        modules=modules("_data"),
    output:
        comparison="<results>/comparison.csv",
    log:
        "<logs>/compare_models.log",
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    script:
        "../scripts/compare_models.py"
