"""Risk against coverage."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.report.figures.coverage import COVERAGES, row_risks
from plot_coverage import main


def part(confidence: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Test predictions of the first of two classes with these probabilities."""
    labels = np.where(right, 0, 1)
    return predictions_frame("test", np.arange(len(labels)), labels, np.stack([confidence, 1 - confidence], axis=1))


def test_risk_is_that_of_the_surest_answers():
    """At full coverage the error rate; below it only the surest count, at equal confidence all of them."""
    confidence = np.linspace(0.99, 0.51, 100)
    risks = row_risks([part(confidence, np.arange(100) < 80)]).set_index("coverage")["risk"]
    assert risks.loc[1.0] == pytest.approx(0.2)
    assert (risks[risks.index <= 0.8] == 0).all() and risks.iloc[89] == pytest.approx(10 / 90)
    equal = row_risks([part(np.full(100, 0.8), np.arange(100) % 4 > 0)])
    assert equal["risk"].tolist() == pytest.approx([0.25] * len(COVERAGES))


def test_seeds_are_averaged():
    confidence = np.linspace(0.99, 0.51, 50)
    parts = [part(confidence, np.arange(50) < limit) for limit in (30, 40)]
    alone = [row_risks([one])["risk"].to_numpy() for one in parts]
    assert row_risks(parts)["risk"].to_numpy() == pytest.approx(np.mean(alone, axis=0))


def test_figure_from_files(tmp_path: Path):
    """A line per row, with its name as it is."""
    runs = [{"model": model, "seed": seed} for model in ("</script><b>", "NA") for seed in (1, 2)]
    paths = [tmp_path / f"{number}.parquet" for number in range(len(runs))]
    for number, path in enumerate(paths):
        part(np.linspace(0.99, 0.51, 60), np.arange(60) % (number + 2) > 0).to_parquet(path)
    spec, figure, pdf = (tmp_path / f"coverage.{suffix}" for suffix in ("vl.json", "svg", "pdf"))
    main(
        SimpleNamespace(
            input=SimpleNamespace(predictions=paths),
            output=SimpleNamespace(spec=spec, figure=figure, pdf=pdf),
            params=SimpleNamespace(runs=runs),
        )
    )
    lines = pd.DataFrame(next(iter(json.loads(spec.read_text(encoding="utf-8"))["datasets"].values())))
    assert lines.groupby("model").size().to_dict() == {"</script><b>": 100, "NA": 100}
    texts = [text for text in ElementTree.parse(figure).getroot().itertext() if text.strip()]
    assert {"</script><b>", "NA", "Risk against coverage"} <= set(texts)
    assert pdf.read_bytes().startswith(b"%PDF")
