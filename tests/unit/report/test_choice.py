"""Which row of a finished study is handed over."""

import pytest

from bert_ladder.report.choice import choose_row
from finished_studies import ROWS, VERDICTS, study

SEPARABLE = dict.fromkeys(VERDICTS, "worse")


def test_best_on_the_validation_part_is_taken():
    """With the sentence of the summary, ties told; the test split has no say."""
    choice = choose_row(study(verdicts=SEPARABLE), "accuracy")
    assert (choice.row, choice.by) == ("Large", "accuracy")
    assert choice.why.startswith("For accuracy take “Large”")
    tied = choose_row(study(), "accuracy")
    assert tied.row == "Large" and "not separable from “Small”" in tied.why
    assert choose_row(study(verdicts=VERDICTS | {("Small", "Large"): "better"}), "accuracy").row == "Large"


def test_cost_takes_the_row_that_the_summary_names():
    choice = choose_row(study(verdicts=SEPARABLE), "cost")
    assert (choice.row, choice.by) == ("Small", "cost")
    assert choice.why.startswith("For cost take “Small”: the fastest row within one standard error")


def test_cost_falls_back_to_accuracy_where_times_cannot_be_ranked():
    choice = choose_row(study(verdicts=SEPARABLE, other_load=9.0), "cost")
    assert (choice.row, choice.by) == ("Large", "accuracy")
    assert "For cost no row is named: the times cannot be ranked, since" in choice.why
    assert choice.why.endswith("So the best for accuracy is taken.")


@pytest.mark.parametrize("wanted", ["accuracy", "cost"])
def test_where_nothing_can_be_concluded_the_best_is_handed_over_with_the_doubt(wanted: str):
    """A row no better than one answer for every text is no recommendation, and the record says so."""
    choice = choose_row(study(test_accuracy_low=0.4), wanted)
    assert (choice.row, choice.by) == ("Large", "accuracy")
    assert choice.why.startswith("Nothing can be concluded: “Large”")
    assert "is handed over all the same" in choice.why


def test_study_may_name_the_row():
    choice = choose_row(study(), "Linear")
    assert (choice.row, choice.by) == ("Linear", "name")
    assert choice.why == "The study names “Linear”: on the test split it reaches 81.00 % [80.00, 82.00] accuracy."


def test_only_row_is_taken():
    only = {"Large": ROWS["Large"]}
    for wanted in ("accuracy", "cost"):
        choice = choose_row(study(only, {}), wanted)
        assert (choice.row, choice.by) == ("Large", "accuracy")
        assert choice.why.startswith("“Large” is the study's only row")
