"""What the runs say together: means, intervals and pairwise tests, and the row that is handed over.

Inputs: metrics.json and predictions.parquet of every run, the test rows that leaked from train; the table.
Outputs: <results>/comparison.csv and pairs.csv; label_curve{,_pairs,_laws}.csv of a label curve; <results>/chosen/model.json and native/.
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


rule compare_fractions:
    """Every row of the label curve by its number of labels: means, a test of every pair, and power laws."""
    input:
        predictions=files_of(STUDY.runs.curve, "predictions.parquet"),
        labels="<results>/data/labels.json",
        code=code_of("compare_fractions"),
    output:
        curve="<results>/label_curve.csv",
        pairs="<results>/label_curve_pairs.csv",
        laws="<results>/label_curve_laws.csv",
    log:
        "<logs>/compare_fractions.log",
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
        runs=described_fractions(STUDY.runs.curve),
    message:
        "Compare the rows by their number of labels"
    script:
        "../scripts/compare_fractions.py"


# A checkpoint, since the forms of a model hang on which one it is. The weights lie beside training.json and are no
# inputs: a study whose weights were deleted to save space would train them all again.
checkpoint select_model:
    """The row that the study recommends, with its best run, how its probabilities become answers, and what it is."""
    input:
        table="<results>/table.csv",
        comparison="<results>/comparison.csv",
        pairs="<results>/pairs.csv",
        metrics=files_of(STUDY.runs.all, "metrics.json"),
        predictions=files_of(STUDY.runs.all, "predictions.parquet"),
        training=files_of(STUDY.runs.with_weights, "training.json"),
        speed=[f"<results>/runs/{model}/speed.json" for model in STUDY.runs.models],
        configs=[STUDY.inputs.encoder(model)["config"] for model in STUDY.runs.on_encoders],
        vocabularies=[STUDY.inputs.encoder(model)["vocabulary"] for model in STUDY.runs.on_encoders],
        labels="<results>/data/labels.json",
        data=[record for part in STUDY.dataset.splits for record in STUDY.dataset.records_of(part)],
        code=code_of("select_model"),
    output:
        record="<results>/chosen/model.json",
        native=directory("<results>/chosen/native"),
    log:
        "<logs>/select_model.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        choose=STUDY.settings["choose"],
        decision=STUDY.settings["decision"],
        metric=STUDY.metric,
        rows=[row["name"] for row in STUDY.runs.on_encoders.values()],
        runs=described(STUDY.runs.all),
        files=[Path(file).name for part in STUDY.dataset.splits for file in STUDY.dataset.files_of(part)],
    message:
        "Hand over the chosen row"
    script:
        "../scripts/select_model.py"
