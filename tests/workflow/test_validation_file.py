"""A validation file of one's own, from the study to the baseline and the audit."""

import json
from collections.abc import Callable
from copy import deepcopy

import pandas as pd

from workspace import MICRO, Workspace, write_reviews


def test_validation_file_of_another_form_reaches_the_baseline(new_workspace: Callable[[], Workspace]) -> None:
    """All training texts are trained on and the file's are validated on; the audit counts it as a split."""
    workspace = new_workspace()
    write_reviews(workspace.folder / "own.csv", 30, seed=7000)
    own = pd.read_csv(workspace.folder / "own.csv")
    own.to_json(workspace.folder / "own.jsonl", orient="records", lines=True)
    study = deepcopy(MICRO)
    study["dataset"]["validation"] = {"url": "own.jsonl"}
    workspace.write_study(study)
    workspace.snakemake("baselines", "results/micro/audit.html", "--configfile", "study.yaml")
    results = workspace.folder / "results/micro"
    predictions = pd.read_parquet(results / "runs/tfidf_logistic_regression/seed-1/predictions.parquet")
    assert predictions["split"].value_counts().to_dict() == {"train": 240, "validation": 30, "test": 80}
    validated = predictions[predictions["split"] == "validation"].sort_values("row")
    assert validated["row"].tolist() == list(range(240, 270))
    labels = json.loads((results / "data/classes.json").read_text())["labels"]
    assert [labels[code] for code in validated["label"]] == own["label"].tolist()
    assert json.loads((results / "data/audit.json").read_text())["rows"] == {"train": 240, "validation": 30, "test": 80}
    assert "The validation part is a file of its own, 30 texts" in (results / "audit.html").read_text()
    assert not workspace.planned("baselines", "results/micro/audit.html", "--configfile", "study.yaml")
