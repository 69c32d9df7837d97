"""What a person reads: the words, the table, the figures and the pages of the report.

Inputs: <results>/comparison.csv and pairs.csv, the runs' metrics, predictions, histories and timings, the searches, the
audit.
Outputs: <results>/table.{csv,md,tex,txt,html}, summary.{md,html,txt}, figures/ (SVG, PDF and Vega-Lite), figures.html,
classes.html, errors.html, audit.html, runs.html, label_curve.html of a label curve; chosen/README.md; report.html, which
holds all of it.
"""


rule render_table:
    """The study's table, for people, papers and programs."""
    input:
        comparison="<results>/comparison.csv",
        metrics=files_of(STUDY.runs.all, "metrics.json"),
        speed=[f"<results>/runs/{model}/speed.json" for model in STUDY.runs.models],
        outcome=[f"<results>/search/{path}/outcome.json" for path in STUDY.runs.searches],
        audit="<results>/data/audit.json",
        labels="<results>/data/labels.json",
        code=code_of("render_table", "table.html"),
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
    # What takes seconds is not worth a cluster's queue, here and below.
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        rows=STUDY.outline.rows,
        study=STUDY.name,
        notes=STUDY.notes.table,
        held_out=STUDY.dataset.held_out,
    message:
        "Render the table"
    script:
        "../scripts/render_table.py"


rule render_summary:
    """What the study says in words, each claim resting on its test."""
    input:
        table="<results>/table.csv",
        comparison="<results>/comparison.csv",
        pairs="<results>/pairs.csv",
        audit="<results>/data/audit.json",
        history=files_of(STUDY.runs.berts, "history.csv"),
        training=files_of(STUDY.runs.berts, "training.json"),
        label_curve=list(STUDY.targets.label_curve_tables.values()),
        code=code_of("render_summary", "summary.html"),
    output:
        markdown="<results>/summary.md",
        html="<results>/summary.html",
        text="<results>/summary.txt",
    log:
        "<logs>/render_summary.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        runs=described(STUDY.runs.berts),
        parts_differ=STUDY.splits.differ,
        study=STUDY.name,
        metric=STUDY.metric,
    message:
        "Render the summary"
    script:
        "../scripts/render_summary.py"


rule render_card:
    """The card of the chosen model: what it is, what it was measured at, its limits."""
    input:
        chosen="<results>/chosen/model.json",
        table="<results>/table.csv",
        audit="<results>/data/audit.json",
        code=code_of("render_card"),
    output:
        card="<results>/chosen/README.md",
    log:
        "<logs>/render_card.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        licences=STUDY.encoders.licences(STUDY.runs.on_encoders),
    message:
        "Render the card of the chosen model"
    script:
        "../scripts/render_card.py"


# What all figures share stands in the first of them; `localrule` is the one key that Snakemake does not hand on.
rule plot_accuracy:
    """Test accuracy with its interval against the number of parameters and the time of an answer."""
    input:
        table="<results>/table.csv",
        code=code_of("plot_accuracy"),
    output:
        **figure_files("accuracy"),
    log:
        "<logs>/plot_{figure}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    message:
        "Plot {wildcards.figure}"
    script:
        "../scripts/plot_{wildcards.figure}.py"


use rule plot_accuracy as plot_rows with:
    """The test metric of every row with its 95 % interval and its single seeds."""
    input:
        table="<results>/table.csv",
        metrics=files_of(STUDY.runs.all, "metrics.json"),
        code=code_of("plot_rows"),
    output:
        **figure_files("rows"),
    localrule: True
    params:
        metric=STUDY.metric,


use rule plot_accuracy as plot_pairs with:
    """Every row against every other: difference and verdict."""
    input:
        pairs="<results>/pairs.csv",
        code=code_of("plot_pairs"),
    output:
        **figure_files("pairs"),
    localrule: True


use rule plot_accuracy as plot_label_curve with:
    """The test metric of every row by its number of labels, and power laws that hold."""
    input:
        **STUDY.targets.label_curve_tables,
        code=code_of("plot_label_curve"),
    output:
        **figure_files("label_curve"),
    localrule: True
    params:
        models=[STUDY.runs.name(model) for model in STUDY.runs.models],


use rule plot_accuracy as plot_search with:
    """The trials of every search by their score on the validation part."""
    input:
        trials=[f"<results>/search/{path}/trials.csv" for path in STUDY.runs.searches],
        outcome=[f"<results>/search/{path}/outcome.json" for path in STUDY.runs.searches],
        code=code_of("plot_search"),
    output:
        **figure_files("search"),
    localrule: True
    params:
        searches=STUDY.outline.searches,


use rule plot_accuracy as plot_pretraining with:
    """What pre-training learned, epoch by epoch."""
    input:
        history=[f"<results>/encoders/{name}/pretraining.csv" for name in STUDY.encoders.used_pretrained],
        code=code_of("plot_pretraining"),
    output:
        **figure_files("pretraining"),
    localrule: True
    params:
        encoders=STUDY.encoders.used_pretrained,


use rule plot_accuracy as plot_history with:
    """Loss, accuracy and calibration by epoch, on the training and the validation part."""
    input:
        history=files_of(STUDY.runs.berts, "history.csv"),
        training=files_of(STUDY.runs.berts, "training.json"),
        code=code_of("plot_history"),
    output:
        **figure_files("history"),
    localrule: True
    params:
        runs=described(STUDY.runs.berts),


use rule plot_accuracy as plot_confusion with:
    """Confusion matrices on the test split."""
    input:
        predictions=files_of(STUDY.runs.all, "predictions.parquet"),
        labels="<results>/data/labels.json",
        code=code_of("plot_confusion"),
    output:
        **figure_files("confusion"),
    localrule: True
    params:
        runs=described(STUDY.runs.all),


use rule plot_accuracy as plot_curves with:
    """ROC and precision-recall curves on the test split."""
    input:
        predictions=files_of(STUDY.runs.all, "predictions.parquet"),
        labels="<results>/data/labels.json",
        table="<results>/table.csv",
        code=code_of("plot_curves"),
    output:
        **figure_files("curves"),
    localrule: True
    params:
        runs=described(STUDY.runs.all),


use rule plot_accuracy as plot_reliability with:
    """Confidence against accuracy on the test split."""
    input:
        predictions=files_of(STUDY.runs.all, "predictions.parquet"),
        table="<results>/table.csv",
        code=code_of("plot_reliability"),
    output:
        **figure_files("reliability"),
    localrule: True
    params:
        runs=described(STUDY.runs.all),


use rule plot_accuracy as plot_coverage with:
    """Wrong answers among the surest ones, by the share of texts answered."""
    input:
        predictions=files_of(STUDY.runs.all, "predictions.parquet"),
        code=code_of("plot_coverage"),
    output:
        **figure_files("coverage"),
    localrule: True
    params:
        runs=described(STUDY.runs.all),


use rule plot_accuracy as plot_lengths with:
    """Test accuracy by text length."""
    input:
        predictions=files_of(STUDY.runs.all, "predictions.parquet"),
        test="<results>/data/test.parquet",
        code=code_of("plot_lengths"),
    output:
        **figure_files("lengths"),
    localrule: True
    params:
        runs=described(STUDY.runs.all),


use rule plot_accuracy as plot_timeline with:
    """Where the wall clock of the study went, by device."""
    input:
        training=STUDY.outline.timed,
        metrics=STUDY.outline.predicted,
        code=code_of("plot_timeline"),
    output:
        **figure_files("timeline"),
    localrule: True
    params:
        trainings=STUDY.outline.timed_names,
        evaluations=STUDY.outline.evaluations,


rule render_figures:
    """All figures on one interactive page."""
    input:
        specs=[f"<results>/figures/{name}.vl.json" for name in STUDY.outline.figures],
        captions=unmoved([str(WORKFLOW / "report" / f"{name}.rst") for name in STUDY.outline.figures]),
        code=code_of("render_figures", "figures.html"),
    output:
        page=report(
            "<results>/figures.html",
            caption="../report/figures.rst",
            category="Results",
            labels={"what": "All figures, interactive"},
        ),
    log:
        "<logs>/render_figures.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        titles=list(STUDY.outline.figures.values()),
        study=STUDY.name,
    message:
        "Render the page of figures"
    script:
        "../scripts/render_figures.py"


rule render_label_curve:
    """Every row by its number of labels: numbers, crossings, what more labels would bring."""
    input:
        **STUDY.targets.label_curve_tables,
        code=code_of("render_label_curve", "label_curve.html"),
    output:
        page=report(
            "<results>/label_curve.html",
            caption="../report/label_curve_page.rst",
            category="Results",
            labels={"what": "Label curve"},
        ),
    log:
        "<logs>/render_label_curve.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    message:
        "Render the page of the label curve"
    script:
        "../scripts/render_label_curve.py"


rule render_classes:
    """Precision, recall and F1 of each class and row."""
    input:
        metrics=files_of(STUDY.runs.all, "metrics.json"),
        code=code_of("render_classes", "classes.html"),
    output:
        page=report(
            "<results>/classes.html",
            caption="../report/classes.rst",
            category="Results",
            labels={"what": "Classes"},
        ),
    log:
        "<logs>/render_classes.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        runs=described(STUDY.runs.all),
        class_weights=STUDY.outline.class_weights,
    message:
        "Render the page of classes"
    script:
        "../scripts/render_classes.py"


rule render_errors:
    """The surest mistakes on the test split, and the texts where rows disagree."""
    input:
        predictions=files_of(STUDY.runs.all, "predictions.parquet"),
        test="<results>/data/test.parquet",
        labels="<results>/data/labels.json",
        code=code_of("render_errors", "errors.html"),
    output:
        page=report(
            "<results>/errors.html",
            caption="../report/errors.rst",
            category="Results",
            labels={"what": "Mistakes"},
        ),
    log:
        "<logs>/render_errors.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        runs=described(STUDY.runs.all),
        texts=STUDY.settings["report"]["texts"],
    message:
        "Render the page of mistakes"
    script:
        "../scripts/render_errors.py"


rule render_audit:
    """What was found in the data before anything was trained."""
    input:
        audit="<results>/data/audit.json",
        near="<results>/data/near_duplicates.json",
        labels="<results>/data/labels.json",
        code=code_of("render_audit", "audit.html"),
    output:
        page=report(
            "<results>/audit.html",
            caption="../report/audit.rst",
            category="Results",
            labels={"what": "Data audit"},
        ),
    log:
        "<logs>/render_audit.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        texts=STUDY.settings["report"]["texts"],
    message:
        "Render the page of the audit"
    script:
        "../scripts/render_audit.py"


rule render_runs:
    """Time, memory, device and versions of every run."""
    input:
        training=files_of(STUDY.runs.berts, "training.json"),
        metrics=files_of(STUDY.runs.all, "metrics.json"),
        code=code_of("render_runs", "runs.html"),
    output:
        page=report(
            "<results>/runs.html",
            caption="../report/runs.rst",
            category="Results",
            labels={"what": "Runs and versions"},
        ),
    log:
        "<logs>/render_runs.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        runs=described(STUDY.runs.all),
        # No inputs: a time that is lost is no reason to train again.
        train_benchmarks=[file for run in STUDY.runs.all for file in STUDY.benchmarks(TRAINED_BY[run.kind], [run])],
        evaluate_benchmarks=STUDY.benchmarks("evaluate_model", STUDY.runs.berts),
    message:
        "Render the page of runs"
    script:
        "../scripts/render_runs.py"


rule render_report:
    """The study's report: one page to show around, complete in itself."""
    input:
        table="<results>/table.csv",
        comparison="<results>/comparison.csv",
        pairs="<results>/pairs.csv",
        audit="<results>/data/audit.json",
        near="<results>/data/near_duplicates.json",
        labels="<results>/data/labels.json",
        test="<results>/data/test.parquet",
        history=files_of(STUDY.runs.berts, "history.csv"),
        training=files_of(STUDY.runs.berts, "training.json"),
        label_curve=list(STUDY.targets.label_curve_tables.values()),
        metrics=files_of(STUDY.runs.all, "metrics.json"),
        predictions=files_of(STUDY.runs.all, "predictions.parquet"),
        figures=[f"<results>/figures/{name}.svg" for name in STUDY.outline.figures],
        captions=unmoved([str(WORKFLOW / "report" / f"{name}.rst") for name in STUDY.outline.figures]),
        chosen="<results>/chosen/model.json",
        code=code_of("render_report", "report.html"),
    output:
        page="<results>/report.html",
    log:
        "<logs>/render_report.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        study=STUDY.name,
        metric=STUDY.metric,
        runs=described(STUDY.runs.all),
        titles=list(STUDY.outline.figures.values()),
        notes=STUDY.notes.table,
        held_out=STUDY.dataset.held_out,
        parts_differ=STUDY.splits.differ,
        texts=STUDY.settings["report"]["texts"],
        # Not the embedded one, of which Snakemake makes a copy under another name each time.
        files=[os.path.relpath(file) for file in workflow.overwrite_configfiles],
        # The forms are made when they are asked for: no inputs, or a usual run would make them too.
        forms=STUDY.forms,
        train_benchmarks=[file for run in STUDY.runs.all for file in STUDY.benchmarks(TRAINED_BY[run.kind], [run])],
        evaluate_benchmarks=STUDY.benchmarks("evaluate_model", STUDY.runs.berts),
    message:
        "Render the report"
    script:
        "../scripts/render_report.py"
