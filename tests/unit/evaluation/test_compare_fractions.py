"""compare_fractions: power laws that are found where there are any, and what is compared with what."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bert_ladder.data.frames import read_rows
from bert_ladder.evaluation.inference import Scores, count_scores
from bert_ladder.evaluation.label_curve import Point, law_line
from bert_ladder.evaluation.power_law import fit_power_laws, power_law
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.runtime.jobs import BadInput
from compare_fractions import main

FRACTIONS = (0.05, 0.1, 0.2, 0.5, 1.0)
ALL = 20_000
TEXTS = 2000


def scores(generator: np.random.Generator, errors: list[float]) -> list[Scores]:
    """Accuracy of three seeds at some points; each seed and point errs on texts of its own at about this rate."""
    labels = np.arange(TEXTS) % 2
    return [
        count_scores(
            labels,
            np.stack([np.where(generator.random(TEXTS) < error, 1 - labels, labels) for _ in range(3)]),
            *("test_accuracy", 2, None),
        )
        for error in errors
    ]


def points(errors: list[float], fractions: tuple[float, ...] = FRACTIONS, seed: int = 0) -> list[Point]:
    """A row's curve with these errors."""
    found = scores(np.random.default_rng(seed), errors)
    return [Point(part, round(part * ALL), one) for part, one in zip(fractions, found, strict=True)]


def law(a: float, b: float, c: float) -> list[float]:
    """Errors of a power law at FRACTIONS."""
    return [a * (part * ALL) ** -b + c for part in FRACTIONS]


@pytest.mark.parametrize(("a", "b", "c"), [(2.0, 0.4, 0.05), (0.9, 0.15, 0.0), (500.0, 1.2, 0.1)])
def test_a_power_law_without_noise_is_found(a: float, b: float, c: float) -> None:
    """Scale, exponent and floor, of several curves at once."""
    sizes = np.array([1000, 2000, 4000, 10_000])
    errors = np.stack([a * sizes**-b + c, 0.5 * (a * sizes**-b + c)])
    scale, exponent, floor = fit_power_laws(sizes, errors, np.ones(4))
    assert exponent == pytest.approx(b, rel=0.03)
    assert floor == pytest.approx([c, c / 2], abs=0.01)
    for times in (2, 4):
        foretold = scale * (10_000 * times) ** -exponent + floor
        truth = a * (10_000 * times) ** -b + c
        assert foretold == pytest.approx([truth, truth / 2], rel=3e-3)


def test_scale_and_floor_are_never_negative() -> None:
    """A curve that rises is flat, one that falls faster than any floor allows goes to 0."""
    sizes = np.array([1000.0, 2000.0, 4000.0])
    scale, _, floor = fit_power_laws(sizes, np.array([[0.1, 0.2, 0.3], [0.4, 0.2, 0.0]]), np.ones(3))
    assert (scale >= 0).all() and (floor >= 0).all()
    assert (scale[0], floor[0]) == (0, pytest.approx(0.2))


def test_intervals_hold_the_truth() -> None:
    """Foretold error and gain, in most of some simulated studies; the same study says the same."""
    a, b, c = 2.0, 0.4, 0.05
    generator = np.random.default_rng(5)
    held = []
    for _ in range(12):
        found = scores(generator, law(a, b, c)[:-1])
        of_law = power_law([round(part * ALL) for part in FRACTIONS[:-1]], found, ALL)
        rest = a * ALL**-b
        held.append((of_law.error.holds(rest + c), of_law.gain.holds(rest * (1 - 2**-b))))
        assert of_law.gain.low <= of_law.gain.value <= of_law.gain.high
    assert np.mean(held) > 0.6
    assert of_law == power_law([round(part * ALL) for part in FRACTIONS[:-1]], found, ALL)


def test_a_law_that_foretells_the_largest_fraction_is_said() -> None:
    """It is fitted without that one."""
    line = law_line(points(law(2.0, 0.4, 0.05)))
    assert line["refused"] == ""
    assert (line["labels"], line["times"]) == (ALL, 2)
    assert line["gain_low"] < line["gain"] < line["gain_high"]
    assert line["exponent"] > 0
    other_end = points([*law(2.0, 0.4, 0.05)[:-1], 0.5])
    assert law_line(other_end)["exponent"] == law_line(points([*law(2.0, 0.4, 0.05)[:-1], 0.01]))["exponent"]


def test_what_is_no_power_law_is_not_said() -> None:
    """An error that stays for long and then falls."""
    line = law_line(points([0.30, 0.295, 0.29, 0.285, 0.08]))
    assert line["refused"] == "missed"
    assert not line["error_low"] <= line["measured"] <= line["error_high"]


def test_a_law_takes_four_fractions_and_three_seeds() -> None:
    """With fewer nothing is fitted."""
    curve = points(law(2.0, 0.4, 0.05))
    assert law_line(curve[1:])["refused"] == ""
    few = law_line(curve[2:])
    assert (few["refused"], few["gain"]) == ("few fractions", None)
    two = [Point(p.fraction, p.labels, Scores(p.scores.by_seed[:2], p.scores.examples[:2])) for p in curve]
    assert law_line(two)["refused"] == "few seeds"
    # A linear model on all labels has one run, which is not fitted to.
    one = Scores(curve[-1].scores.by_seed[:1], curve[-1].scores.examples[:1], deterministic=True)
    assert law_line([*curve[:-1], Point(1.0, ALL, one)])["refused"] == ""


def test_no_law_of_a_row_that_hardly_errs() -> None:
    """Its interval would have next to no width: +0.00 points [+0.00, +0.00]."""
    assert law_line(points([0.3, 0.2, 0.1, 0.05, 0.001]))["refused"] == "few errors"
    assert law_line(points([0.0] * 5))["refused"] == "few errors"


def write_curves(folder: Path, errors: dict[str, list[float]], fractions: tuple[float, ...]) -> SimpleNamespace:
    """What the rule gives its script of rows with these errors, the baseline "linear" with one run on all labels."""
    generator = np.random.default_rng(1)
    labels = np.arange(600) % 2
    runs: list[dict[str, Any]] = []
    paths: list[Path] = []
    for model, of_row in errors.items():
        kind = "baseline" if model == "linear" else "bert"
        for fraction, error in zip(fractions, of_row, strict=True):
            for seed in (1,) if kind == "baseline" and fraction == 1 else (1, 2, 3):
                predicted = np.where(generator.random(600) < error, 1 - labels, labels)
                known = np.arange(round(1000 * fraction))
                frames = [
                    predictions_frame(part, rows, rows % 2, np.eye(2)[rows % 2])
                    for part, rows in (("train", known[::2]), ("validation", known[1::2]))
                ]
                frames.append(predictions_frame("test", np.arange(600), labels, np.eye(2)[predicted]))
                paths.append(folder / f"{len(paths)}.parquet")
                pd.concat(frames).to_parquet(paths[-1])
                runs.append({"model": model, "seed": seed, "kind": kind, "fraction": fraction})
    (folder / "labels.json").write_text('{"names": ["bad", "good"], "positive": 1}')
    outputs = {name: folder / f"{name}.csv" for name in ("curve", "pairs", "laws")}
    return SimpleNamespace(
        input=SimpleNamespace(predictions=paths, labels=folder / "labels.json"),
        params=SimpleNamespace(metric="accuracy", over="auto", split_per_run=False, runs=runs),
        output=SimpleNamespace(**outputs),
    )


def test_tables_from_files(tmp_path: Path) -> None:
    """Labels of both parts, an interval for each point, a test of each pair at each fraction, a line per law."""
    job = write_curves(tmp_path, {"linear": [0.1, 0.1, 0.1], "</b>": [0.4, 0.1, 0.01]}, (0.1, 0.5, 1.0))
    main(job)
    curve, pairs, laws = (read_rows(tmp_path / f"{name}.csv") for name in ("curve", "pairs", "laws"))
    assert curve["model"].tolist() == ["linear"] * 3 + ["</b>"] * 3
    assert curve["labels"].tolist() == [100, 500, 1000] * 2
    assert curve["seeds"].tolist() == [3, 3, 1, 3, 3, 3]
    assert curve["method"].tolist()[2] == "wilson" and set(curve["method"][:2]) == {"seeds and examples"}
    assert (curve["low"] < curve["mean"]).all() and (curve["mean"] < curve["high"]).all()
    assert pairs["verdict"].tolist() == ["better", "not separable", "worse"]
    assert (pairs["p_holm"] >= pairs["p_value"]).all()
    assert laws["refused"].tolist() == ["few fractions"] * 2


def test_runs_on_other_test_texts_are_refused(tmp_path: Path) -> None:
    """In one sentence that names the file."""
    job = write_curves(tmp_path, {"linear": [0.1, 0.1]}, (0.5, 1.0))
    frame = pd.read_parquet(job.input.predictions[-1])
    frame.iloc[:-1].to_parquet(job.input.predictions[-1])
    with pytest.raises(BadInput, match="its 599 test labels differ from the 600"):
        main(job)
