"""`snakemake exports`: the chosen model in its forms, each proven on the test split."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workspace import MICRO, Workspace


def exported(workspace: Workspace, row: str) -> tuple[Path, dict[str, Any]]:
    """Export a row of the micro study; the folder of the chosen model and what forms.json holds."""
    workspace.write_study(MICRO | {"choose": row}, "choice.yaml")
    done = workspace.snakemake("exports", "--configfile", "choice.yaml")
    chosen = workspace.folder / "results/micro/chosen"
    content = json.loads((chosen / "forms.json").read_text())
    assert "its forms" in done.stdout
    assert content["source"]["row"] == row
    assert not workspace.planned("exports", "--configfile", "choice.yaml")
    return chosen, content


def check_proven(chosen: Path, line: dict[str, Any]) -> None:
    """A form of float32 answers every test text as its run did."""
    texts = len(pd.read_parquet(chosen.parent / "data/test.parquet"))
    assert (line["works"], line["proven"], line["reason"]) == (True, True, None)
    assert (line["texts"], line["other_ids"], line["difference"]) == (texts, 0, 0)
    assert line["largest_difference"] < 1e-4


def test_linear_model(micro: Workspace) -> None:
    """It is made for NumPy, and for nothing else."""
    chosen, content = exported(micro, "TF-IDF + logistic regression")
    assert list(content["forms"]) == ["numpy"]
    check_proven(chosen, content["forms"]["numpy"])
    assert (chosen / "numpy/predict.py").is_file()
    refused = micro.snakemake("results/micro/forms/onnx/answers.parquet", "--configfile", "choice.yaml", check=False)
    assert "ONNX, float32 is a form of BERTs, and this is a linear model; take the form numpy." in refused.stderr


@pytest.mark.long
def test_bert(micro: Workspace) -> None:
    """All forms of BERTs; that of transformers is made, and says that it was not run here."""
    chosen, content = exported(micro, "Nano long")
    assert list(content["forms"]) == ["onnx", "onnx_int8", "saved_model", "litert", "huggingface"]
    for form in ("onnx", "saved_model", "litert"):
        check_proven(chosen, content["forms"][form])
    assert content["forms"]["onnx_int8"]["works"]
    huggingface = content["forms"]["huggingface"]
    assert (huggingface["works"], huggingface["proven"]) == (True, False)
    assert huggingface["reason"] == "not run here: torch is not installed"
