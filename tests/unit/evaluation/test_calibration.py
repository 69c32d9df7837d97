"""From probabilities to answers: temperature, threshold and abstention."""

from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from bert_ladder.evaluation.calibration import (
    NONE_ANSWERED,
    NOT_ANSWERED,
    choose_confidence,
    choose_threshold,
    decide,
    fit_decision,
    risk_by_coverage,
    scale_probabilities,
    temperature_of,
)
from bert_ladder.evaluation.decision import Decision

SCORES = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
TARGETS = np.array([0, 0, 1, 0, 1, 0, 1, 1], bool)


def drawn(temperature: float, texts: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are too sure by a temperature, and labels drawn from the true ones."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(texts, 3))
    true = softmax(logits, axis=1)
    labels = (true.cumsum(axis=1) > rng.random((texts, 1))).argmax(axis=1)
    return softmax(logits * temperature, axis=1).astype(np.float32), labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_undoes_what_made_probabilities_too_sure(temperature: float):
    """That which the logits were multiplied by is found again, and the true probabilities with it."""
    probabilities, labels = drawn(temperature)
    found = temperature_of(probabilities, labels)
    assert found == pytest.approx(temperature, rel=0.05)
    truth, _ = drawn(1.0)
    assert np.abs(scale_probabilities(probabilities, temperature) - truth).max() < 1e-4


def test_temperature_changes_no_answer_and_bears_probabilities_of_zero():
    probabilities = np.array([[1.0, 0.0, 0.0], [0.2, 0.5, 0.3]], np.float32)
    for temperature in (0.1, 1.0, 10.0):
        scaled = scale_probabilities(probabilities, temperature)
        assert np.isfinite(scaled).all() and scaled.sum(axis=1) == pytest.approx(1)
        assert scaled.argmax(axis=1).tolist() == [0, 1]
    assert scale_probabilities(probabilities, 1.0) == pytest.approx(probabilities)


def test_where_all_is_right_no_temperature_is_fitted():
    """The lowest would be the best one, and make every probability 0 or 1."""
    assert temperature_of(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 1])) == 1.0


def counts(threshold: float) -> tuple[int, int, int]:
    """Right, false and missed positives at a threshold."""
    answers = threshold <= SCORES
    return int((answers & TARGETS).sum()), int((answers & ~TARGETS).sum()), int((~answers & TARGETS).sum())


def every_threshold() -> list[float]:
    """One between any two scores, below and above all."""
    return [0.05, *((SCORES[1:] + SCORES[:-1]) / 2), 0.95]


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        ("f1", lambda right, false, missed: 2 * right / (2 * right + false + missed)),
        ({"recall": 0.75}, lambda right, false, missed: right / (right + false + 1e-9) if right >= 3 else -1),
        ({"precision": 0.75}, lambda right, false, missed: right if right >= 3 * false and right else -1),
        ({"costs": {"false_positive": 1, "false_negative": 5}}, lambda right, false, missed: -(false + 5 * missed)),
        ({"costs": {"false_positive": 9, "false_negative": 1}}, lambda right, false, missed: -(9 * false + missed)),
        # Where a false positive costs more than all that can be found, none is answered so.
        ({"costs": {"false_positive": 1, "false_negative": 0}}, lambda right, false, missed: -false),
    ],
)
def test_threshold_is_the_best_of_all_for_its_purpose(wanted: Any, value: Any):
    """No threshold between, below or above the scores does better."""
    threshold, words = choose_threshold(SCORES, TARGETS, wanted)
    assert value(*counts(threshold)) == max(value(*counts(other)) for other in every_threshold())
    assert not np.isin(threshold, SCORES)
    assert "8 validation texts" in words


def test_threshold_that_cannot_be_reached_is_none():
    threshold, words = choose_threshold(SCORES, ~TARGETS, {"precision": 0.99})
    assert threshold is None and "no threshold reaches" in words


def test_risk_of_the_surest_answers():
    """Each share of answered texts with the share of wrong ones among them; equal confidences go together."""
    confidence = np.array([0.9, 0.8, 0.8, 0.6, 0.5])
    right = np.array([1, 1, 0, 1, 0], bool)
    coverage, risk, least = risk_by_coverage(confidence, right)
    assert coverage.tolist() == [0.2, 0.6, 0.8, 1.0]
    assert risk.tolist() == pytest.approx([0, 1 / 3, 1 / 4, 2 / 5])
    assert least.tolist() == [0.9, 0.8, 0.6, 0.5]


@pytest.mark.parametrize(("most", "least"), [(0.0, 0.9), (0.25, 0.6), (0.3, 0.6), (0.4, 0.5), (1.0, 0.5)])
def test_most_texts_are_answered_that_keep_to_the_errors(most: float, least: float):
    """Not the first share above which there are more errors, but the largest with no more."""
    confidence = np.array([0.9, 0.8, 0.8, 0.6, 0.5])
    assert choose_confidence(confidence, np.array([1, 1, 0, 1, 0], bool), most) == least


def test_no_text_is_answered_where_even_the_surest_err_more():
    least = choose_confidence(np.array([0.9, 0.8]), np.array([False, True]), 0.1)
    assert least == NONE_ANSWERED
    answers = decide(np.array([[0.0, 1.0], [0.4, 0.6]]), Decision(least_confidence=least, most_errors=0.1))
    assert answers.tolist() == [NOT_ANSWERED, NOT_ANSWERED]


def test_answers():
    """The most probable class; the positive one from its threshold on; none below the least confidence."""
    probabilities = np.array([[0.9, 0.1], [0.65, 0.35], [0.45, 0.55]])
    assert decide(probabilities, Decision()).tolist() == [0, 0, 1]
    assert decide(probabilities, Decision(positive=1, threshold=0.3)).tolist() == [0, 1, 1]
    assert decide(probabilities, Decision(positive=0, threshold=0.7)).tolist() == [0, 1, 1]
    assert decide(probabilities, Decision(least_confidence=0.6)).tolist() == [0, 0, NOT_ANSWERED]
    both = Decision(positive=1, threshold=0.3, least_confidence=0.5)
    assert decide(probabilities, both).tolist() == [0, NOT_ANSWERED, 1]


def test_decision_of_a_study_is_fitted_on_the_validation_part():
    probabilities, labels = np.stack([1 - SCORES, SCORES], axis=1), TARGETS.astype(int)
    nothing = fit_decision(probabilities, labels, 1, {"threshold": None, "most_errors": None})
    assert nothing == Decision(positive=1)
    both = fit_decision(probabilities, labels, 1, {"threshold": "f1", "most_errors": 0.0})
    answered = decide(probabilities, both)
    assert (answered[answered != NOT_ANSWERED] == labels[answered != NOT_ANSWERED]).all()
    assert (answered != NOT_ANSWERED).any() and both.threshold_for.startswith("the highest F1")


def test_threshold_may_be_given():
    assert choose_threshold(SCORES, TARGETS, 0.37)[0] == 0.37
