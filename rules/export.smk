"""Models in a form that others load.

Inputs: encoders in normal form, the runs' weights.
Outputs: <results>/exports/encoders/{encoder}/ and <results>/exports/runs/{model}/seed-{seed}/, SavedModels with TF Hub's interface.
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
