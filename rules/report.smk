"""What a person reads: the words, the table, the figures and the pages of the report.

Inputs: <results>/comparison.csv and pairs.csv, the runs' metrics, predictions, histories and timings, the searches, the
audit.
Outputs: <results>/table.{csv,md,tex,txt,html}, summary.{md,html,txt}, figures/ (SVG, PDF and Vega-Lite), figures.html,
errors.html, audit.html, runs.html.
"""


rule render_table:
    """The study's table, for people, papers and programs."""
    input:
        comparison="<results>/comparison.csv",
        metrics=of_runs("<results>/runs/{model}/seed-{seed}/metrics.json", RUNS),
        speed=[f"<results>/runs/{row['path']}/speed.json" for row in table_rows()],
        outcome=[f"<results>/search/{path}/outcome.json" for path in SEARCHED],
        audit="<results>/data/audit.json",
        labels="<results>/data/labels.json",
        code=code_of("render_table"),
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


rule render_summary:
    """What the study says in words, each claim resting on its test."""
    input:
        table="<results>/table.csv",
        comparison="<results>/comparison.csv",
        pairs="<results>/pairs.csv",
        audit="<results>/data/audit.json",
        history=of_runs("<results>/runs/{model}/seed-{seed}/history.csv", BERT_RUNS),
        training=of_runs("<results>/runs/{model}/seed-{seed}/training.json", BERT_RUNS),
        code=code_of("render_summary"),
    output:
        markdown="<results>/summary.md",
        html="<results>/summary.html",
        text="<results>/summary.txt",
    log:
        "<logs>/render_summary.log",
    conda:
        "../envs/report.yaml"
    params:
        runs=described(BERT_RUNS),
        parts_differ=parts_differ(),
        study=STUDY["study"],
        metric=STUDY["comparison"]["metric"],
    script:
        "../scripts/render_summary.py"


rule plot_rows:
    """The test metric of every row with its 95 % interval and its single seeds."""
    input:
        table="<results>/table.csv",
        metrics=of_runs("<results>/runs/{model}/seed-{seed}/metrics.json", RUNS),
        code=code_of("plot_rows"),
    output:
        spec="<results>/figures/rows.vl.json",
        pdf="<results>/figures/rows.pdf",
        figure=report(
            "<results>/figures/rows.svg",
            caption="../report/rows.rst",
            category="Figures",
            labels={"what": "Rows and their seeds"},
        ),
    log:
        "<logs>/plot_rows.log",
    conda:
        "../envs/report.yaml"
    params:
        metric=STUDY["comparison"]["metric"],
    script:
        "../scripts/plot_rows.py"


rule plot_accuracy:
    """Test accuracy with its interval against the number of parameters and the time of an answer."""
    input:
        table="<results>/table.csv",
        code=code_of("plot_accuracy"),
    output:
        spec="<results>/figures/accuracy.vl.json",
        pdf="<results>/figures/accuracy.pdf",
        figure=report(
            "<results>/figures/accuracy.svg",
            caption="../report/accuracy.rst",
            category="Figures",
            labels={"what": "Accuracy, size and cost"},
        ),
    log:
        "<logs>/plot_accuracy.log",
    conda:
        "../envs/report.yaml"
    script:
        "../scripts/plot_accuracy.py"


rule plot_pairs:
    """Every row against every other: difference and verdict."""
    input:
        pairs="<results>/pairs.csv",
        code=code_of("plot_pairs"),
    output:
        spec="<results>/figures/pairs.vl.json",
        pdf="<results>/figures/pairs.pdf",
        figure=report(
            "<results>/figures/pairs.svg",
            caption="../report/pairs.rst",
            category="Figures",
            labels={"what": "Rows against rows"},
        ),
    log:
        "<logs>/plot_pairs.log",
    conda:
        "../envs/report.yaml"
    script:
        "../scripts/plot_pairs.py"


rule plot_search:
    """The trials of every search by their score on the validation part."""
    input:
        trials=[f"<results>/search/{path}/trials.csv" for path in SEARCHED],
        outcome=[f"<results>/search/{path}/outcome.json" for path in SEARCHED],
        code=code_of("plot_search"),
    output:
        spec="<results>/figures/search.vl.json",
        pdf="<results>/figures/search.pdf",
        figure=report(
            "<results>/figures/search.svg",
            caption="../report/search.rst",
            category="Figures",
            labels={"what": "Search"},
        ),
    log:
        "<logs>/plot_search.log",
    conda:
        "../envs/report.yaml"
    params:
        searches=[{"model": ROWS[path]["name"], "keys": search["keys"]} for path, search in SEARCHED.items()],
    script:
        "../scripts/plot_search.py"


rule plot_pretraining:
    """What pre-training learned, epoch by epoch."""
    input:
        history=[f"<results>/encoders/{name}/pretraining.csv" for name in USED_PRETRAINED],
        code=code_of("plot_pretraining"),
    output:
        spec="<results>/figures/pretraining.vl.json",
        pdf="<results>/figures/pretraining.pdf",
        figure=report(
            "<results>/figures/pretraining.svg",
            caption="../report/pretraining.rst",
            category="Figures",
            labels={"what": "Pre-training"},
        ),
    log:
        "<logs>/plot_pretraining.log",
    conda:
        "../envs/report.yaml"
    params:
        encoders=USED_PRETRAINED,
    script:
        "../scripts/plot_pretraining.py"


rule plot_history:
    """Loss, accuracy and calibration by epoch, on the training and the validation part."""
    input:
        history=of_runs("<results>/runs/{model}/seed-{seed}/history.csv", BERT_RUNS),
        training=of_runs("<results>/runs/{model}/seed-{seed}/training.json", BERT_RUNS),
        code=code_of("plot_history"),
    output:
        spec="<results>/figures/history.vl.json",
        pdf="<results>/figures/history.pdf",
        figure=report(
            "<results>/figures/history.svg",
            caption="../report/history.rst",
            category="Figures",
            labels={"what": "Learning curves"},
        ),
    log:
        "<logs>/plot_history.log",
    conda:
        "../envs/report.yaml"
    params:
        runs=described(BERT_RUNS),
    script:
        "../scripts/plot_history.py"


rule plot_confusion:
    """Confusion matrices on the test split."""
    input:
        predictions=of_runs("<results>/runs/{model}/seed-{seed}/predictions.parquet", RUNS),
        labels="<results>/data/labels.json",
        code=code_of("plot_confusion"),
    output:
        spec="<results>/figures/confusion.vl.json",
        pdf="<results>/figures/confusion.pdf",
        figure=report(
            "<results>/figures/confusion.svg",
            caption="../report/confusion.rst",
            category="Figures",
            labels={"what": "Confusion matrices"},
        ),
    log:
        "<logs>/plot_confusion.log",
    conda:
        "../envs/report.yaml"
    params:
        runs=described(RUNS),
    script:
        "../scripts/plot_confusion.py"


rule plot_curves:
    """ROC and precision-recall curves on the test split."""
    input:
        predictions=of_runs("<results>/runs/{model}/seed-{seed}/predictions.parquet", RUNS),
        labels="<results>/data/labels.json",
        table="<results>/table.csv",
        code=code_of("plot_curves"),
    output:
        spec="<results>/figures/curves.vl.json",
        pdf="<results>/figures/curves.pdf",
        figure=report(
            "<results>/figures/curves.svg",
            caption="../report/curves.rst",
            category="Figures",
            labels={"what": "ROC and precision-recall curves"},
        ),
    log:
        "<logs>/plot_curves.log",
    conda:
        "../envs/report.yaml"
    params:
        runs=described(RUNS),
    script:
        "../scripts/plot_curves.py"


rule plot_reliability:
    """Confidence against accuracy on the test split."""
    input:
        predictions=of_runs("<results>/runs/{model}/seed-{seed}/predictions.parquet", RUNS),
        table="<results>/table.csv",
        code=code_of("plot_reliability"),
    output:
        spec="<results>/figures/reliability.vl.json",
        pdf="<results>/figures/reliability.pdf",
        figure=report(
            "<results>/figures/reliability.svg",
            caption="../report/reliability.rst",
            category="Figures",
            labels={"what": "Reliability diagrams"},
        ),
    log:
        "<logs>/plot_reliability.log",
    conda:
        "../envs/report.yaml"
    params:
        runs=described(RUNS),
    script:
        "../scripts/plot_reliability.py"


rule plot_lengths:
    """Test accuracy by text length."""
    input:
        predictions=of_runs("<results>/runs/{model}/seed-{seed}/predictions.parquet", RUNS),
        test="<results>/data/test.parquet",
        code=code_of("plot_lengths"),
    output:
        spec="<results>/figures/lengths.vl.json",
        pdf="<results>/figures/lengths.pdf",
        figure=report(
            "<results>/figures/lengths.svg",
            caption="../report/lengths.rst",
            category="Figures",
            labels={"what": "Accuracy by text length"},
        ),
    log:
        "<logs>/plot_lengths.log",
    conda:
        "../envs/report.yaml"
    params:
        runs=described(RUNS),
    script:
        "../scripts/plot_lengths.py"


rule plot_timeline:
    """Where the wall clock of the study went, by device."""
    input:
        training=[
            *(f"<results>/encoders/{name}/pretraining.json" for name in USED_PRETRAINED),
            *of_runs("<results>/runs/{model}/seed-{seed}/training.json", BERT_RUNS),
            *all_trial_files("training.json"),
        ],
        metrics=of_runs("<results>/runs/{model}/seed-{seed}/metrics.json", BERT_RUNS),
        code=code_of("plot_timeline"),
    output:
        spec="<results>/figures/timeline.vl.json",
        pdf="<results>/figures/timeline.pdf",
        figure=report(
            "<results>/figures/timeline.svg",
            caption="../report/timeline.rst",
            category="Figures",
            labels={"what": "Where the time went"},
        ),
    log:
        "<logs>/plot_timeline.log",
    conda:
        "../envs/report.yaml"
    params:
        trainings=[
            *(f"{name}, pre-training" for name in USED_PRETRAINED),
            *timeline_names("training", BERT_RUNS),
            *timeline_names("trial", TRIAL_RUNS),
        ],
        evaluations=timeline_names("evaluation", BERT_RUNS),
    script:
        "../scripts/plot_timeline.py"


rule render_figures:
    """All figures on one interactive page."""
    input:
        specs=[f"<results>/figures/{name}.vl.json" for name in FIGURES],
        captions=[report_text(name) for name in FIGURES],
        code=code_of("render_figures"),
    output:
        page=report(
            "<results>/figures.html",
            caption="../report/figures.rst",
            category="Results",
            labels={"what": "All figures, interactive"},
        ),
    log:
        "<logs>/render_figures.log",
    conda:
        "../envs/report.yaml"
    params:
        titles=list(FIGURES.values()),
        study=STUDY["study"],
    script:
        "../scripts/render_figures.py"


rule render_errors:
    """The surest mistakes on the test split, and the texts where rows disagree."""
    input:
        predictions=of_runs("<results>/runs/{model}/seed-{seed}/predictions.parquet", RUNS),
        test="<results>/data/test.parquet",
        labels="<results>/data/labels.json",
        code=code_of("render_errors"),
    output:
        page=report(
            "<results>/errors.html",
            caption="../report/errors.rst",
            category="Results",
            labels={"what": "Mistakes"},
        ),
    log:
        "<logs>/render_errors.log",
    conda:
        "../envs/report.yaml"
    params:
        runs=described(RUNS),
    script:
        "../scripts/render_errors.py"


rule render_audit:
    """What was found in the data before anything was trained."""
    input:
        audit="<results>/data/audit.json",
        labels="<results>/data/labels.json",
        code=code_of("render_audit"),
    output:
        page=report(
            "<results>/audit.html",
            caption="../report/audit.rst",
            category="Results",
            labels={"what": "Data audit"},
        ),
    log:
        "<logs>/render_audit.log",
    conda:
        "../envs/report.yaml"
    script:
        "../scripts/render_audit.py"


rule render_runs:
    """Time, memory, device and versions of every run."""
    input:
        training=of_runs("<results>/runs/{model}/seed-{seed}/training.json", BERT_RUNS),
        metrics=of_runs("<results>/runs/{model}/seed-{seed}/metrics.json", RUNS),
        code=code_of("render_runs"),
    output:
        page=report(
            "<results>/runs.html",
            caption="../report/runs.rst",
            category="Results",
            labels={"what": "Runs and versions"},
        ),
    log:
        "<logs>/render_runs.log",
    conda:
        "../envs/report.yaml"
    params:
        runs=described(RUNS),
        # No inputs: a time that is lost is no reason to train again.
        train_benchmarks=benchmark_files("train_baseline", BASELINE_RUNS) + benchmark_files("train_model", BERT_RUNS),
        evaluate_benchmarks=benchmark_files("evaluate_model", BERT_RUNS),
    script:
        "../scripts/render_runs.py"
