"""A study whose rows are families beyond BERT, as a user brings them: to its table, its page and its answers."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bert_ladder.study.families import FAMILIES
from bert_ladder.study.locations import safe_name
from family_fixtures import NAMES, unpack_family
from workspace import MICRO, PATIENCE, Workspace

STUDY = ("--configfile", "families.yaml")
# WordPieces with a head of the family's own, and SentencePiece with a row that no form expresses: to the table and the
# chosen model. All of them: to the end, with figures and page.
PAIR, ALL = ("distilbert", "albert"), tuple(NAMES)
TARGETS = {
    PAIR: [f"results/families/{name}" for name in ("table.csv", "chosen/model.json", "chosen/README.md")],
    ALL: [],
}


def bring(folder: Path, name: str, tokenizer: str | None = None) -> None:
    """A folder as transformers saves a model and its tokenizer, or with the tokenizer of another family."""
    for family, part in ((name, "usual"), (tokenizer or name, "tokenizer")):
        unpacked = unpack_family(family, folder / f"{family}-fixture") / part
        shutil.copytree(unpacked, folder / name, dirs_exist_ok=True)


def study_of(names: tuple[str, ...], folder: str) -> dict[str, Any]:
    """A study with a row for each family; the last one is handed over."""
    rows = [{"name": FAMILIES[name].title, "encoder": f"my-{name}"} for name in names]
    rows[-1]["pooling"] = "mean"
    return {
        "study": "families",
        "dataset": {key: value for key, value in MICRO["dataset"].items() if key != "unlabelled"},
        "encoders": {
            f"my-{name}": {"family": name, "sources": [{"huggingface": f"{folder}/{name}"}]} for name in names
        },
        "training": MICRO["training"] | {"epochs": 1},
        "models": rows,
        "choose": rows[-1]["name"],
    }


@pytest.fixture(scope="module")
def ladder(
    prepared_workspace: Callable[[], Workspace],
) -> Callable[[tuple[str, ...]], Workspace]:
    """Gives a workspace in which the study of some families has run; each is made once."""
    made: dict[tuple[str, ...], Workspace] = {}

    def run(names: tuple[str, ...]) -> Workspace:
        if names not in made:
            workspace = prepared_workspace()
            for name in names:
                bring(workspace.folder / "mine", name)
            workspace.write_study(study_of(names, "mine"), "families.yaml")
            workspace.snakemake(*TARGETS[names], *STUDY)
            made[names] = workspace
        return made[names]

    return run


def answers(workspace: Workspace, tmp_path: Path) -> pd.DataFrame:
    """What the command answers to the test texts with the chosen model."""
    results = workspace.folder / "results/families"
    test = pd.read_parquet(results / "data/test.parquet")
    test[["DATA_COLUMN"]].rename(columns={"DATA_COLUMN": "text"}).to_csv(tmp_path / "new.csv", index=False)
    command = ["predict", results / "chosen", tmp_path / "new.csv", "-o", tmp_path / "answered.csv"]
    subprocess.run(
        [sys.executable, "-m", "bert_ladder.commands.main", *map(str, command)],
        env=os.environ | {"PYTHONPATH": str(workspace.folder / "scripts")},
        cwd=tmp_path,
        check=True,
        timeout=PATIENCE,
    )
    return pd.read_csv(tmp_path / "answered.csv")


@pytest.mark.parametrize("names", [PAIR, pytest.param(ALL, marks=pytest.mark.long)], ids=["two", "all"])
def test_families_are_rows_like_any_other(
    ladder: Callable[[tuple[str, ...]], Workspace], names: tuple[str, ...], tmp_path: Path
) -> None:
    """Fetched from their folders, trained, compared, reported and handed over; the command answers as the run did."""
    workspace = ladder(names)
    results = workspace.folder / "results/families"
    titles = [FAMILIES[name].title for name in names]
    table = pd.read_csv(results / "table.csv").set_index("model")
    assert table.index.tolist() == titles
    assert table["encoder"].tolist() == [f"my-{name}" for name in names]
    assert (table[["parameters", "latency_ms"]] > 0).all(axis=None)
    labels = pd.read_parquet(results / "data/test.parquet")["LABEL_COLUMN"]
    for title in titles:
        predictions = pd.read_parquet(results / f"runs/{safe_name(title)}/seed-1/predictions.parquet")
        assert predictions["split"].value_counts().to_dict() == {"train": 192, "validation": 48, "test": 80}
        test = predictions[predictions["split"] == "test"].sort_values("row")
        assert test["label"].tolist() == labels.tolist()
        assert (test["label"] == test["prediction"]).mean() == pytest.approx(table.loc[title, "test_accuracy"])
    for page in [results / "report.html"] if names == ALL else []:
        assert all(title in page.read_text() for title in titles)
    chosen = json.loads((results / "chosen/model.json").read_text())
    assert (chosen["row"], chosen["family"]) == (titles[-1], names[-1])
    found = answers(workspace, tmp_path)
    assert found["prediction"].tolist() == [chosen["labels"][one] for one in test["prediction"]]
    columns = [f"probability_{label}" for label in chosen["labels"]]
    np.testing.assert_allclose(found[columns].sum(axis=1), 1, atol=1e-5)
    assert workspace.planned(*TARGETS[names], *STUDY) == {}


def test_row_that_no_form_expresses_is_told_so(ladder: Callable[[tuple[str, ...]], Workspace]) -> None:
    """`exports` ends in a sentence with what answers instead; a form that is asked for by its path says why not."""
    workspace = ladder(PAIR)
    done = workspace.snakemake("exports", *STUDY)
    chosen = workspace.folder / "results/families/chosen"
    assert json.loads((chosen / "forms.json").read_text())["forms"] == {}
    assert "No form expresses this row" in done.stdout
    assert "`bert-ladder predict` and `bert-ladder serve` answer with it" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    refused = workspace.snakemake("results/families/chosen/onnx", *STUDY, check=False)
    assert refused.returncode
    assert "ALBERT: ONNX, float32" in refused.stderr
    assert "bert-ladder predict and serve answer with it." in refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr
    assert not (chosen / "onnx").exists()


@pytest.mark.parametrize(
    ("name", "tokenizer", "told"),
    [
        ("roberta", "modernbert", "tokenizer.json: lacks <pad>, <unk>, <s>, </s>, <mask>, which a tokenizer of the"),
        *(
            pytest.param(*case, marks=pytest.mark.long)
            for case in (
                ("roberta", "distilbert", "is a tokenizer of the kind WordPiece, and that of the family roberta is"),
                ("distilbert", "modernbert", "tokenizer.json: holds no WordPieces with an id each"),
                ("albert", "deberta-v3", "carries no tokenizer; bring tokenizer.json or spiece.model"),
            )
        ),
    ],
)
def test_tokenizer_of_another_family_stops_the_study(
    prepared_workspace: Callable[[], Workspace], name: str, tokenizer: str, told: str
) -> None:
    """When the encoder is fetched, in one sentence, before anything of its row is trained."""
    workspace = prepared_workspace()
    bring(workspace.folder / "mine", name, tokenizer)
    workspace.write_study(study_of((name,), "mine"), "families.yaml")
    done = workspace.snakemake(*STUDY, check=False)
    assert done.returncode
    shown = " ".join((done.stdout + done.stderr).split())
    assert told in shown
    assert "Traceback" not in shown
    assert not list((workspace.folder / "results/families/runs").glob("*/seed-*"))
    assert not list((workspace.folder / "resources/encoders").glob(f"my-{name}*/encoder.json"))
