"""Models in a form that others load, and the proof of those of the chosen model.

Inputs: encoders in normal form, the runs' weights; <results>/chosen/model.json and native/, the test split.
Outputs: <results>/exports/encoders/{encoder}/ and <results>/exports/runs/{model}/seed-{seed}/, SavedModels with TF Hub's interface.
<results>/chosen/{form}/, what each answered in <results>/forms/{form}/, and <results>/chosen/forms.{json,csv,md}.
"""


rule export_encoder:
    """Write an encoder of the study, as it is or as a run fine-tuned it, as a SavedModel with TF Hub's interface."""
    input:
        unpack(lambda wildcards: STUDY.inputs.export(wildcards.exported)),
        code=code_of("export_encoder"),
    output:
        folder=directory("<results>/exports/{exported}"),
    log:
        "<logs>/exports/{exported}/export_encoder.log",
    wildcard_constraints:
        exported=any_of(STUDY.inputs.exported),
    conda:
        "../envs/tensorflow.yaml"
    resources:
        mem_mb=per_attempt(6000),
        runtime=per_attempt(60),
    message:
        "Export {wildcards.exported} as a SavedModel"
    script:
        "../scripts/export_encoder.py"


rule export_onnx:
    """Write the chosen BERT as ONNX, in float32 and in int8."""
    input:
        record="<results>/chosen/model.json",
        native="<results>/chosen/native",
        code=code_of("export_onnx"),
    output:
        float32=directory("<results>/chosen/onnx"),
        int8=directory("<results>/chosen/onnx_int8"),
    log:
        "<logs>/chosen/export_onnx.log",
    conda:
        "../envs/tensorflow.yaml"
    resources:
        mem_mb=per_attempt(5000),
        runtime=per_attempt(60),
    message:
        "Export the chosen model as ONNX"
    script:
        "../scripts/export_onnx.py"


rule export_saved_model:
    """Write the chosen BERT as a SavedModel that takes raw texts."""
    input:
        record="<results>/chosen/model.json",
        native="<results>/chosen/native",
        code=code_of("export_saved_model"),
    output:
        folder=directory("<results>/chosen/saved_model"),
    log:
        "<logs>/chosen/export_saved_model.log",
    conda:
        "../envs/tensorflow.yaml"
    resources:
        mem_mb=per_attempt(6000),
        runtime=per_attempt(60),
    message:
        "Export the chosen model as a SavedModel"
    script:
        "../scripts/export_saved_model.py"


rule export_litert:
    """Write the chosen BERT for LiteRT."""
    input:
        record="<results>/chosen/model.json",
        native="<results>/chosen/native",
        code=code_of("export_litert"),
    output:
        folder=directory("<results>/chosen/litert"),
    log:
        "<logs>/chosen/export_litert.log",
    conda:
        "../envs/tensorflow.yaml"
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(60),
    message:
        "Export the chosen model for LiteRT"
    script:
        "../scripts/export_litert.py"


rule export_huggingface:
    """Write the chosen BERT as a folder of transformers."""
    input:
        record="<results>/chosen/model.json",
        native="<results>/chosen/native",
        code=code_of("export_huggingface"),
    output:
        folder=directory("<results>/chosen/huggingface"),
    log:
        "<logs>/chosen/export_huggingface.log",
    conda:
        "../envs/tensorflow.yaml"
    resources:
        mem_mb=per_attempt(6000),
        runtime=per_attempt(60),
    message:
        "Export the chosen model as a Hugging Face folder"
    script:
        "../scripts/export_huggingface.py"


rule export_sentence_transformers:
    """Write the chosen BERT as a folder of sentence-transformers."""
    input:
        record="<results>/chosen/model.json",
        native="<results>/chosen/native",
        code=code_of("export_sentence_transformers"),
    output:
        folder=directory("<results>/chosen/sentence_transformers"),
    log:
        "<logs>/chosen/export_sentence_transformers.log",
    conda:
        "../envs/tensorflow.yaml"
    resources:
        mem_mb=per_attempt(6000),
        runtime=per_attempt(60),
    message:
        "Export the chosen model as a sentence-transformers folder"
    script:
        "../scripts/export_sentence_transformers.py"


rule export_numpy:
    """Write the chosen linear model as arrays and a program that needs NumPy alone."""
    input:
        record="<results>/chosen/model.json",
        native="<results>/chosen/native",
        code=code_of("export_numpy"),
    output:
        folder=directory("<results>/chosen/numpy"),
    log:
        "<logs>/chosen/export_numpy.log",
    conda:
        "../envs/tensorflow.yaml"
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    message:
        "Export the chosen model for NumPy"
    script:
        "../scripts/export_numpy.py"


rule evaluate_form:
    """Let a form of the chosen model answer every test text, in a process of its own that knows nothing else."""
    input:
        unpack(lambda wildcards: STUDY.inputs.asked_tokens(chosen_model().row)),
        record="<results>/chosen/model.json",
        native="<results>/chosen/native",
        folder="<results>/chosen/{form}",
        test="<results>/data/test.parquet",
        code=code_of("evaluate_form"),
    output:
        answers="<results>/forms/{form}/answers.parquet",
        record="<results>/forms/{form}/evaluation.json",
    log:
        "<logs>/forms/{form}/evaluate_form.log",
    wildcard_constraints:
        form=any_of(FORMS),
    conda:
        "../envs/tensorflow.yaml"
    # It is timed: nothing else is to run meanwhile.
    threads: MACHINE.all_threads
    resources:
        mem_mb=per_attempt(6000),
        runtime=per_attempt(240),
    message:
        "Ask the form {wildcards.form} every test text"
    script:
        "../scripts/evaluate_form.py"


rule compare_forms:
    """Each form of the chosen model beside the run that it was made from."""
    input:
        unpack(lambda wildcards: STUDY.inputs.chosen_run(chosen_model().row, chosen_model().seed)),
        record="<results>/chosen/model.json",
        answers=of_chosen_forms("answers.parquet"),
        records=of_chosen_forms("evaluation.json"),
        code=code_of("compare_forms"),
    output:
        record="<results>/chosen/forms.json",
        csv="<results>/chosen/forms.csv",
        markdown="<results>/chosen/forms.md",
    log:
        "<logs>/compare_forms.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    message:
        "Compare the forms of the chosen model"
    script:
        "../scripts/compare_forms.py"
