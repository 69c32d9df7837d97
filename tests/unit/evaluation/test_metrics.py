"""The one form of predictions and metrics."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score

from bert_ladder.evaluation.metrics import (
    brier_scores,
    expected_calibration_error,
    f1_measure,
    log_losses,
    part_measures,
    ranking_areas,
)
from bert_ladder.evaluation.predictions import predictions_frame
from bert_ladder.evaluation.run_metrics import classification_metrics, constant_scores


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
    metrics = classification_metrics(run(test, 2), positive, ["a", "b"])
    assert metrics["precision"] == pytest.approx(precision)
    assert metrics["recall"] == pytest.approx(recall)
    assert metrics["f1"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert metrics["average"] == "binary"


def test_macro_averages_without_positive_class():
    """More than two classes: the unweighted mean of each class's precision, recall and F1."""
    test = frame("test", [0, 0, 0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 1, 1, 2, 0], classes=3)
    metrics = classification_metrics(run(test, 3), None, ["a", "b", "c"])
    assert metrics["precision"] == pytest.approx(np.mean([3 / 4, 2 / 3, 1]))
    assert metrics["recall"] == pytest.approx(np.mean([3 / 4, 1, 1 / 2]))
    assert metrics["f1"] == pytest.approx(np.mean([3 / 4, 4 / 5, 2 / 3]))
    assert (metrics["average"], metrics["classes"]) == ("macro", 3)


def test_accuracy_and_size_of_each_part():
    """Each part's accuracy and number of examples is its own."""
    metrics = classification_metrics(run(frame("test", [0, 1, 1], [1, 1, 1], classes=2), 2), 1, ["a", "b"])
    assert [metrics[f"{split}_accuracy"] for split in ("train", "validation", "test")] == [0.75, 0.5, 2 / 3]
    assert [metrics[f"n_{split}"] for split in ("train", "validation", "test")] == [4, 2, 3]


def test_undefined_precision_is_zero():
    """A model that never predicts the positive class has precision, recall and F1 0, without a warning."""
    metrics = classification_metrics(run(frame("test", [0, 1], [0, 0], classes=2), 2), 1, ["a", "b"])
    assert (metrics["precision"], metrics["recall"], metrics["f1"]) == (0.0, 0.0, 0.0)


def test_diverged_probabilities_are_refused() -> None:
    """NaN would otherwise pass for the first class."""
    with pytest.raises(ValueError, match="test: some probabilities are no finite numbers"):
        predictions_frame("test", np.arange(2), np.zeros(2, int), np.array([[0.5, 0.5], [np.nan, np.nan]]))


def test_measures_by_class_and_their_means():
    """Macro averages are the means of the classes' own, which are told by name with their support."""
    test = frame("test", [0, 0, 0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 1, 1, 2, 0], classes=3)
    metrics = classification_metrics(run(test, 3), None, ["a", "b", "ü"])
    by_class = json.loads(metrics["class_metrics"])
    assert by_class["ü"] == {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2.0}
    for measure in ("precision", "recall", "f1"):
        assert metrics[f"macro_{measure}"] == pytest.approx(np.mean([found[measure] for found in by_class.values()]))
        assert metrics[f"macro_{measure}"] == pytest.approx(metrics[measure])


def test_binary_runs_have_macro_averages_beside_those_of_the_positive_class():
    """With a positive class `f1` is its own and `macro_f1` the mean of both."""
    test = frame("test", [0] * 5 + [1] * 5, [0, 0, 0, 0, 1, 1, 1, 1, 0, 0], classes=2)
    metrics = classification_metrics(run(test, 2), 1, ["a", "b"])
    assert metrics["f1"] == pytest.approx(2 / 3)
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 8 / 11) / 2)
    assert metrics["mcc"] == pytest.approx((3 * 4 - 1 * 2) / np.sqrt(4 * 5 * 5 * 6))


def test_calibration_error_of_a_worked_example():
    """Two bins: 0.95 of confidence with accuracy 0.5 and 0.6 with accuracy 1, half of the texts each."""
    confidence = np.array([0.95, 0.95, 0.6, 0.6])
    error = expected_calibration_error(confidence, np.array([True, False, True, True]), bins=10)
    assert error == pytest.approx(0.5 * 0.45 + 0.5 * 0.4)
    assert expected_calibration_error(np.ones(4), np.ones(4, bool)) == 0


def test_calibrated_probabilities_have_little_error():
    """Hits drawn with their own confidence: the error is that of chance, not of the model."""
    generator = np.random.default_rng(0)
    confidence = generator.uniform(0.5, 1, 50_000)
    hit = generator.random(50_000) < confidence
    assert expected_calibration_error(confidence, hit) < 0.01
    assert expected_calibration_error(np.sqrt(confidence), hit) > 0.05


def test_brier_and_loss_of_one_text():
    """The squared error is summed over classes; the loss of a certain mistake is large and finite."""
    assert brier_scores(np.array([0]), np.array([[0.7, 0.2, 0.1]]))[0] == pytest.approx(0.09 + 0.04 + 0.01)
    assert log_losses(np.array([0, 1]), np.array([[0.25, 0.75], [0.5, 0.5]])) == pytest.approx(np.log([4, 2]))
    assert 10 < log_losses(np.array([0]), np.array([[0.0, 1.0]]))[0] < 20


def test_areas_of_a_worked_example():
    """One of four positive-negative pairs is in the wrong order: an ROC area of 3/4, whichever class is positive."""
    labels, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    probabilities = np.column_stack([1 - scores, scores])
    assert ranking_areas(labels, probabilities, 1) == {"roc_auc": 0.75, "pr_auc": pytest.approx(0.8333, abs=1e-4)}
    assert ranking_areas(labels, probabilities, 0)["roc_auc"] == 0.75
    assert ranking_areas(labels, probabilities, None)["roc_auc"] == 0.75
    assert ranking_areas(np.zeros(4, int), probabilities, 1) == {"roc_auc": None, "pr_auc": None}


@pytest.mark.parametrize(("positive", "f1"), [(0, 2 / 3), (1, 0.0), (None, 1 / 3)])
def test_f1_of_a_part_is_there_for_each_class(positive: int | None, f1: float):
    """Epochs and trials are chosen by the F1 that the study speaks of, whichever class is positive."""
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2]])
    assert part_measures(np.array([0, 1]), probabilities)[f1_measure(positive)] == pytest.approx(f1)


def test_macro_f1_of_a_part_is_over_the_classes_that_occur():
    """A class that neither is there nor is predicted has F1 0 and no say in the mean."""
    measures = part_measures(np.array([0, 1]), np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]))
    assert [measures[name] for name in ("f1_0", "f1_1", "f1_2", "macro_f1")] == [1, 1, 0, 1]


def test_measures_of_a_part_are_those_of_the_whole():
    """What is followed epoch by epoch is what the run ends with on its validation part."""
    predictions = run(frame("test", [0, 1, 1], [1, 1, 1], classes=2), 2)
    metrics = classification_metrics(predictions, 1, ["a", "b"])
    part = predictions[predictions["split"] == "validation"]
    probabilities = part[["probability_0", "probability_1"]].to_numpy(float)
    measures = part_measures(part["label"].to_numpy(), probabilities)
    for metric, measure in {"loss": "loss", "accuracy": "accuracy", "f1": "f1_1", "ece": "ece"}.items():
        assert metrics[f"validation_{metric}"] == measures[measure]


@pytest.mark.parametrize("positive", [None, 0, 1])
@pytest.mark.parametrize("labels", [[0, 1, 1, 1], [0, 0, 1, 2, 2, 2]])
def test_constant_scores_are_those_of_the_best_single_answer(labels: list[int], positive: int | None) -> None:
    """Every answer tried, the accuracies and F1 of scikit-learn are never above, and once equal."""
    found = constant_scores(np.array(labels), positive, ["a", "b", "c"])
    answers = [[code] * len(labels) for code in set(labels)]
    average = {"average": "macro"} if positive is None else {"labels": [positive], "average": "macro"}
    assert found["constant_accuracy"] == max(accuracy_score(labels, answer) for answer in answers)
    f1 = max(f1_score(labels, answer, zero_division=0, **average) for answer in answers)
    assert found["constant_f1"] == pytest.approx(f1)
    assert found["majority_class"] == ("b" if len(labels) == 4 else "c")


def test_a_run_that_answers_one_class_names_it() -> None:
    """Whatever class it is, one without test texts too; two answers are none."""
    for answers, expected in (([2, 2, 2], "c"), ([0, 0, 0], "a"), ([0, 0, 1], None)):
        test = frame("test", [0, 0, 1], answers, classes=3)
        assert classification_metrics(run(test, 3), None, ["a", "b", "c"])["constant_prediction"] == expected
