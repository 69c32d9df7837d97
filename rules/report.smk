"""What a person reads: the table in five forms, and the figures.

Inputs: <results>/comparison.csv, the runs' metrics and histories, the audit.
Outputs: <results>/table.{csv,md,tex,txt,html}, <results>/figures/.
"""


rule render_table:
    """The study's table, for people, papers and programs."""
    input:
        comparison="<results>/comparison.csv",
        metrics=of_runs("<results>/runs/{model}/seed-{seed}/metrics.json", BASELINE_RUNS + BERT_RUNS),
        audit="<results>/data/audit.json",
        labels="<results>/data/labels.json",
        modules=modules("_data"),
    output:
        csv="<results>/table.csv",
        markdown="<results>/table.md",
        latex="<results>/table.tex",
        text="<results>/table.txt",
        html=report(
            "<results>/table.html",
            caption="../report/table.rst",
            category="Results",
            labels={"what": "Table"},
        ),
    log:
        "<logs>/render_table.log",
    conda:
        "../envs/report.yaml"
    params:
        rows=table_rows(),
        study=STUDY["study"],
        notes=table_notes(),
    script:
        "../scripts/render_table.py"


rule plot_accuracy:
    """Test accuracy with its interval against the number of parameters."""
    input:
        table="<results>/table.csv",
    output:
        spec=report(
            "<results>/figures/accuracy.vl.json",
            caption="../report/accuracy.rst",
            category="Results",
            labels={"what": "Accuracy by size"},
        ),
        figure="<results>/figures/accuracy.svg",
    log:
        "<logs>/plot_accuracy.log",
    conda:
        "../envs/report.yaml"
    script:
        "../scripts/plot_accuracy.py"


rule plot_history:
    """Loss and accuracy by epoch, on the training and the validation part."""
    input:
        history=of_runs("<results>/runs/{model}/seed-{seed}/history.csv", BERT_RUNS),
    output:
        spec=report(
            "<results>/figures/history.vl.json",
            caption="../report/history.rst",
            category="Training",
            labels={"what": "Learning curves"},
        ),
        figure="<results>/figures/history.svg",
    log:
        "<logs>/plot_history.log",
    conda:
        "../envs/report.yaml"
    params:
        runs=[{"model": ROWS[run["model"]]["name"], "seed": run["seed"]} for run in BERT_RUNS],
    script:
        "../scripts/plot_history.py"
