"""The one form of predictions and metrics."""

import numpy as np
import pandas as pd
import pytest

from _metrics import classification_metrics, predictions_frame


def frame(split: str, labels: list[int], predictions: list[int], classes: int) -> pd.DataFrame:
    probabilities = np.full((len(labels), classes), 0.1 / (classes - 1))
    probabilities[np.arange(len(labels)), predictions] = 0.9
    return predictions_frame(split, np.arange(len(labels)), np.array(labels), probabilities)


def run(test: pd.DataFrame, classes: int) -> pd.DataFrame:
    train = frame("train", [0, 1, 0, 1], [0, 1, 0, 0], classes)
    validation = frame("validation", [0, 1], [0, 0], classes)
    return pd.concat([train, validation, test], ignore_index=True)


def test_predictions_have_the_pinned_columns():
    """Column names, their order and dtypes are the contract of every run, also after parts are joined."""
    predictions = run(frame("test", [0, 2], [1, 2], classes=3), classes=3)
    assert predictions.dtypes.astype(str).to_dict() == {
        "split": "category",
        "row": "int32",
        "label": "int16",
        "prediction": "int16",
        "probability_0": "float32",
        "probability_1": "float32",
        "probability_2": "float32",
    }
    assert list(predictions["split"].cat.categories) == ["train", "validation", "test"]
    np.testing.assert_allclose(predictions.filter(like="probability_").sum(axis=1), 1, rtol=1e-6)


def test_prediction_is_the_first_of_the_most_probable():
    """Ties go to the lower code, so that a prediction follows from the stored probabilities alone."""
    predictions = predictions_frame("test", [7], [1], [[0.2, 0.4, 0.4]])
    assert predictions.loc[0, ["row", "label", "prediction"]].tolist() == [7, 1, 1]


@pytest.mark.parametrize(
    ("positive", "precision", "recall"),
    [pytest.param(1, 3 / 4, 3 / 5, id="second"), pytest.param(0, 4 / 6, 4 / 5, id="first")],
)
def test_binary_metrics_are_of_the_positive_class(positive: int, precision: float, recall: float):
    """With 4 true and 1 false negative, 3 true and 2 missed positives the textbook's numbers come out."""
    test = frame("test", [0] * 5 + [1] * 5, [0, 0, 0, 0, 1, 1, 1, 1, 0, 0], classes=2)
    metrics = classification_metrics(run(test, 2), positive)
    assert metrics["precision"] == pytest.approx(precision)
    assert metrics["recall"] == pytest.approx(recall)
    assert metrics["f1"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert metrics["average"] == "binary"


def test_macro_averages_without_positive_class():
    """More than two classes: the unweighted mean of each class's precision, recall and F1."""
    test = frame("test", [0, 0, 0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 1, 1, 2, 0], classes=3)
    metrics = classification_metrics(run(test, 3), None)
    assert metrics["precision"] == pytest.approx(np.mean([3 / 4, 2 / 3, 1]))
    assert metrics["recall"] == pytest.approx(np.mean([3 / 4, 1, 1 / 2]))
    assert metrics["f1"] == pytest.approx(np.mean([3 / 4, 4 / 5, 2 / 3]))
    assert (metrics["average"], metrics["classes"]) == ("macro", 3)


def test_accuracy_and_size_of_each_part():
    """Each part's accuracy and number of examples is its own."""
    metrics = classification_metrics(run(frame("test", [0, 1, 1], [1, 1, 1], classes=2), 2), 1)
    assert [metrics[f"{split}_accuracy"] for split in ("train", "validation", "test")] == [0.75, 0.5, 2 / 3]
    assert [metrics[f"n_{split}"] for split in ("train", "validation", "test")] == [4, 2, 3]


def test_undefined_precision_is_zero():
    """A model that never predicts the positive class has precision, recall and F1 0, without a warning."""
    metrics = classification_metrics(run(frame("test", [0, 1], [0, 0], classes=2), 2), 1)
    assert (metrics["precision"], metrics["recall"], metrics["f1"]) == (0.0, 0.0, 0.0)


def test_diverged_probabilities_are_refused() -> None:
    """NaN would otherwise pass for the first class."""
    with pytest.raises(ValueError, match="test: some probabilities are no finite numbers"):
        predictions_frame("test", np.arange(2), np.zeros(2, int), np.array([[0.5, 0.5], [np.nan, np.nan]]))
