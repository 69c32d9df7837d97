"""The accuracy by text length."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from bert_ladder.data.frames import DATA_COLUMN, LABEL_COLUMN
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.report.figures.lengths import GROUPS, LEAST, length_groups, row_accuracies
from plot_lengths import main


def seed_part(hits: np.ndarray) -> pd.DataFrame:
    labels = np.arange(len(hits)) % 2
    return predictions_frame("test", np.arange(len(hits)), labels, np.eye(2)[np.where(hits, labels, 1 - labels)])


def test_groups_of_equal_size():
    """Many lengths make eight groups of equal size, from the shortest to the longest, without overlap."""
    words = np.random.default_rng(0).permutation(1600)
    groups = length_groups(words)
    assert groups["group"].value_counts().to_dict() == dict.fromkeys(range(GROUPS), 200)
    ends = groups.drop_duplicates("group").sort_values("group")
    assert (ends["shortest"].to_numpy()[1:] == ends["longest"].to_numpy()[:-1] + 1).all()
    assert ((groups["shortest"] <= words) & (words <= groups["longest"])).all()


@pytest.mark.parametrize(
    ("words", "ranges"),
    [
        pytest.param([7] * 400, [(7, 7)], id="one-length"),
        pytest.param([1] * 390 + [5] * 5 + [900] * 5, [(1, 1), (5, 900)], id="ties"),
        pytest.param([0, 3, 2], [(0, 3)], id="three-texts"),
        pytest.param(list(range(3 * LEAST)), [(0, 24), (25, 49), (50, 74)], id="few-texts"),
    ],
)
def test_ties_and_few_texts_make_fewer_groups(words: list[int], ranges: list[tuple[int, int]]):
    """Texts of one length are never torn apart, and few texts make few groups; every text is in one."""
    groups = length_groups(np.array(words))
    found = groups.drop_duplicates("group").sort_values("group")
    assert list(zip(found["shortest"], found["longest"], strict=True)) == ranges
    assert len(groups) == len(words)


def test_accuracy_and_interval_of_a_group():
    """A point is the share of hits in its group with Wilson's interval; several seeds count by their mean."""
    groups = length_groups(np.repeat([2, 9], 50))
    hits = np.arange(100) % 5 > 0  # 80 per cent
    line = row_accuracies([seed_part(hits)], groups).iloc[0]
    assert (line["shortest"], line["longest"], line["texts"], line["accuracy"]) == (2, 2, 50, pytest.approx(0.8))
    assert (line["low"], line["high"]) == pytest.approx(proportion_confint(40, 50, method="wilson"))
    both = row_accuracies([seed_part(hits), seed_part(np.ones(100, bool))], groups)
    assert both["accuracy"].tolist() == pytest.approx([0.9, 0.9]) and both["texts"].tolist() == [50, 50]
    assert (both.loc[0, "low"], both.loc[0, "high"]) == pytest.approx(proportion_confint(45, 50, method="wilson"))


def test_hits_are_matched_to_their_texts():
    """Predictions stand by the row of their text, whatever their order or number."""
    part = seed_part(np.arange(60) < 30).sample(frac=1, random_state=1).iloc[:50]
    lines = row_accuracies([part], length_groups(np.repeat([1, 100], 30)))
    assert lines["accuracy"].tolist() == [1, 0] and lines["texts"].sum() == 50


@pytest.mark.parametrize("rows", [1, 10])
def test_files_from_files(tmp_path: Path, rows: int):
    """Named as the rule names them, files become a point per row and group, and every name stands once."""
    generator = np.random.default_rng(0)
    words = generator.permutation(np.arange(400))
    texts = [" <b>\t".join(["word"] * count) for count in words]
    pd.DataFrame({DATA_COLUMN: texts, LABEL_COLUMN: np.int16(0)}).to_parquet(tmp_path / "test.parquet")
    names = ["</script><b>", "NA", 'a "quoted\\"', *(str(row) for row in range(3, rows))][:rows]
    runs = [{"model": name, "seed": seed} for name in names for seed in (1, 2)]
    paths = [tmp_path / f"{index}.parquet" for index in range(len(runs))]
    for path in paths:
        seed_part(generator.random(400) < 0.8).to_parquet(path)
    spec, figure, pdf = (tmp_path / f"lengths.{suffix}" for suffix in ("vl.json", "svg", "pdf"))
    main(
        SimpleNamespace(
            input=SimpleNamespace(predictions=paths, test=tmp_path / "test.parquet"),
            output=SimpleNamespace(spec=spec, figure=figure, pdf=pdf),
            params=SimpleNamespace(runs=runs),
        )
    )
    saved = json.loads(spec.read_text(encoding="utf-8"))
    (data,) = saved["datasets"].values()
    assert sorted({line["model"] for line in data}) == sorted(names) and len(data) == GROUPS * rows
    shown = [text for text in ElementTree.parse(figure).getroot().itertext() if text.strip()]
    assert all(shown.count(name) == 1 for name in names)
    assert shown.count("50 texts") == GROUPS
    assert pdf.read_bytes().startswith(b"%PDF")
