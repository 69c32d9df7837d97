"""The timeline: phases, lanes, pauses and shares."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from bert_ladder.report.figures.timeline import (
    PAUSE,
    evaluation_job,
    in_lanes,
    phases_of,
    shares,
    training_job,
    without_pauses,
)
from plot_timeline import main

T0 = 1_800_000_000.0


def record(start: float, devices: str = "0", waiting: float = 0.0, **moments: float) -> dict[str, Any]:
    """What training.json says of a training of 20 s: 4 s to its device, 6 s to its first step, 9 s of work."""
    made = {"started": 0, "leased": 4 + waiting, "ready": 10 + waiting, "trained": 19 + waiting, "ended": 20 + waiting}
    times = {f"{key}_at": T0 + start + value for key, value in (made | moments).items()}
    return times | {"host": "box", "devices": devices, "waiting_seconds": waiting}


def lanes(*records: dict[str, Any]) -> pd.DataFrame:
    """The phases of some trainings, called a, b, c, in their lanes."""
    return in_lanes(phases_of([training_job(found, name) for found, name in zip(records, "abcdef", strict=False)]))


def test_phases_of_a_job_add_up() -> None:
    """Start-up before and after the claim, waiting apart from it, work, writing; together the job's whole time."""
    phases = lanes(record(0, waiting=5))
    seconds = (phases["end"] - phases["start"]).groupby(phases["phase"]).sum()
    assert seconds.to_dict() == pytest.approx({"start-up": 10, "waiting": 5, "training": 9, "writing": 1})
    assert phases["lane"].unique().tolist() == ["box: 0"]


def test_evaluation_is_told_from_training() -> None:
    """An evaluation's moments carry a prefix in metrics.json; what it does is predicting, up to its end."""
    metrics = {f"evaluation_{key}": value for key, value in record(0).items()} | {"test_accuracy": 0.5}
    phases = phases_of([evaluation_job(metrics, "e")])
    assert dict(zip(phases["phase"], phases["end"] - phases["start"], strict=True))["predicting"] == pytest.approx(10)


def test_training_that_diverged_has_a_place() -> None:
    """Without an end of its start-up the time after the claim counts as work."""
    broken = {key: value for key, value in record(0).items() if key not in ("ready_at", "trained_at")}
    phases = phases_of([training_job(broken, "a")])
    assert phases["phase"].tolist() == ["start-up", "training"]


def test_jobs_of_a_lane_do_not_overlap() -> None:
    """Two at once on the CPU have two lanes; the third follows the first in its lane."""
    phases = lanes(record(0, devices=""), record(5, devices=""), record(25, devices=""))
    assert phases.groupby("job")["lane"].first().tolist() == ["box: CPU (1)", "box: CPU (2)", "box: CPU (1)"]


def test_job_with_two_devices_stands_in_both_lanes() -> None:
    """Every device that a job held was busy."""
    assert set(lanes(record(0, devices="GPU-a, GPU-b"))["lane"]) == {"box: GPU-a", "box: GPU-b"}


def test_pauses_are_left_out() -> None:
    """A study that was taken up again a day later is drawn as if it had gone on."""
    phases, pauses = without_pauses(phases_of([training_job(record(0), "a"), training_job(record(86_400), "b")]))
    assert pauses == 1
    assert phases["end"].max() == pytest.approx(40)
    near, none = without_pauses(phases_of([training_job(record(0), "a"), training_job(record(PAUSE), "b")]))
    assert none == 0
    assert near["end"].max() == pytest.approx(PAUSE + 20)


def test_shares_add_up_to_one() -> None:
    """A lane with a gap of 20 s between two jobs of 20 s was idle for a third of the time."""
    found = shares(lanes(record(0), record(40)))
    assert found["idle"] == pytest.approx(1 / 3)
    assert found["training"] == pytest.approx(18 / 60)
    assert found.sum() == pytest.approx(1)


def test_figure_from_files_to_files(tmp_path: Path) -> None:
    """Trainings and evaluations in one picture, with the shares in words."""
    (tmp_path / "training.json").write_text(json.dumps(record(0)))
    metrics = {f"evaluation_{key}": value for key, value in record(20).items()}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    output = SimpleNamespace(spec=tmp_path / "t.vl.json", figure=tmp_path / "t.svg", pdf=tmp_path / "t.pdf")
    main(
        SimpleNamespace(
            input=SimpleNamespace(training=[tmp_path / "training.json"], metrics=[tmp_path / "metrics.json"]),
            output=output,
            params=SimpleNamespace(trainings=["Tiny, training, seed 1"], evaluations=["Tiny, evaluation, seed 1"]),
        )
    )
    words = " ".join(text for text in ElementTree.parse(output.figure).getroot().itertext())
    assert "Where the time went" in words
    assert "box: 0" in words
    assert "predicting 25%" in words
    assert output.pdf.read_bytes().startswith(b"%PDF")
    assert json.loads(output.spec.read_text())["$schema"]
