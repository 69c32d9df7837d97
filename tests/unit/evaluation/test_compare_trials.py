"""The table of a search's trials."""

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from bert_ladder.data.frames import write_positive
from compare_trials import main


@pytest.mark.parametrize(("positive", "f1"), [(0, [0.9, 0.2]), (1, [0.1, 0.8]), (None, [0.5, 0.4])])
def test_trials_have_the_f1_of_the_positive_class(tmp_path: Path, positive: int | None, f1: list[float]) -> None:
    """Whatever they are ranked by; a trial that diverged stands there too, as the last."""
    by_trial = {"x": (0.9, 0.1, 0.5), "y": (0.2, 0.8, 0.4)}
    histories, trainings = [], []
    for rate, (trial, (first, second, macro)) in enumerate(by_trial.items(), start=1):
        measures = {"accuracy": rate / 10, "loss": 1.0, "f1_0": first, "f1_1": second, "macro_f1": macro}
        line = {"epoch": 1} | {f"validation_{name}": value for name, value in measures.items()}
        histories.append(tmp_path / f"{trial}.csv")
        trainings.append(tmp_path / f"{trial}.json")
        pd.DataFrame([line]).to_csv(histories[-1], index=False)
        record = {"training": {"learning_rate": rate, "precision": "float32"}, "kept_epoch": 1, "positions": 5}
        trainings[-1].write_text(json.dumps(record))
    histories.append(tmp_path / "z.csv")
    trainings.append(tmp_path / "z.json")
    histories[-1].write_text("epoch\n")
    trainings[-1].write_text(json.dumps({"training": {"learning_rate": 9, "precision": "float32"}, "diverged": True}))
    write_positive(tmp_path / "positive.json", positive, None)
    main(
        SimpleNamespace(
            input=SimpleNamespace(history=histories, training=trainings, positive=tmp_path / "positive.json"),
            output=SimpleNamespace(trials=tmp_path / "trials.csv"),
            params=SimpleNamespace(
                model="Tuned",
                metric="accuracy",
                searched=["learning_rate"],
                runs=[{"trial": trial, "seed": 1} for trial in "xyz"],
            ),
        )
    )
    trials = pd.read_csv(tmp_path / "trials.csv")
    assert trials["rank"].tolist() == [2, 1, 3]
    assert trials["validation_f1"].tolist()[:2] == f1
    assert trials["validation_f1"].isna().tolist() == [False, False, True]
