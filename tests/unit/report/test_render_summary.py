"""The words that a study's numbers become: each claim only where its test carries it."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from bert_ladder.data.frames import rows_csv
from bert_ladder.report.epochs import epochs_section
from bert_ladder.report.findings import (
    baseline_section,
    choice_section,
    frozen_section,
    half_width,
    leak_section,
    open_section,
    scope_section,
    search_section,
    size_section,
)
from bert_ladder.report.sections import SummarySources
from bert_ladder.report.summary import render_html, render_markdown, render_summary, render_text
from bert_ladder.report.table import halving_words
from bert_ladder.report.words import p_value
from finished_studies import ROWS, VERDICTS, study


def words(section: tuple[str, list[str]]) -> str:
    return "\n".join(section[1])


def test_choice_is_made_on_validation_and_told_on_test() -> None:
    """The best on validation for accuracy; the fastest within one standard error of it for cost."""
    said = words(choice_section(study(verdicts=dict.fromkeys(VERDICTS, "worse"))))
    assert "For accuracy take “Large”: it has the highest mean on the validation part (89.50 %)" in said
    assert "on the test split it reaches 89.00 % [88.00, 90.00]" in said
    assert "Always answering “neg”, the most frequent class of the test texts, has an accuracy of 50.00 %." in said
    assert "For cost take “Small”" in said
    assert "2 ms per text on the CPU instead of 9" in said
    assert "-1.00 points [-2.00, +0.00] (p = .002), worse than the best" in said


def test_among_ties_no_row_is_taken_for_accuracy() -> None:
    """Rows that the test does not tell apart, or that are as good on the validation part, are named side by side."""
    said = words(choice_section(study()))
    assert "For accuracy take" not in said
    assert "For accuracy no single row is shown to be the best: “Large” has the highest mean" in said
    assert "On the test split it is not separable from “Small”." in said
    assert "For cost take “Small”" in said
    equal = ROWS | {"Small": ("bert", 4_000, 0.895, 0.010, 0.88, 99.0)}
    said = words(choice_section(study(equal, dict.fromkeys(VERDICTS, "worse"))))
    assert "For accuracy take" not in said
    assert "On the validation part “Small” is as good." in said


@pytest.mark.parametrize(("texts", "concluded"), [(92, False), (93, True)])
def test_few_validation_texts_choose_nothing(texts: int, concluded: bool) -> None:
    """Where the test split leaves the choice to a validation part that cannot tell, the words say what to do."""
    few = {"n_validation": [500, 500, texts]}
    said = words(choice_section(study(**few)))
    assert ("Nothing can be concluded on which row is best" in said) is not concluded
    assert ("For cost take" in said) is concluded
    if not concluded:
        assert "on 92 validation texts an accuracy is known to within 10 points only" in said
        assert "does not put “Large”, the best there, above “Small”" in said
        assert "until 93 texts or more are in the validation part" in said
    # What the test tells apart needs no such part.
    assert "For accuracy take “Large”" in words(choice_section(study(verdicts=dict.fromkeys(VERDICTS, "worse"), **few)))
    above = study(verdicts=VERDICTS | {("Small", "Large"): "better"}, **few)
    assert ("Nothing can be concluded" in words(choice_section(above))) is not concluded


@pytest.mark.parametrize("texts", [1, 10, 93, 1000])
def test_half_width_holds_for_every_accuracy(texts: int) -> None:
    """No interval of Wilson on so many texts reaches further than is said."""
    spans = [proportion_confint(right, texts, method="wilson") for right in range(texts + 1)]
    widest = max(high - low for low, high in spans) / 2
    assert widest <= half_width(texts) + 1e-4
    assert half_width(texts) <= widest * 1.2


def test_nothing_is_concluded_without_a_row_above_one_answer() -> None:
    """With 2 % of a class 98 % accuracy is what no reading reaches too, and no row is taken for it."""
    rare = {"constant_accuracy": 0.885}
    said = choice_section(study(verdicts=dict.fromkeys(VERDICTS, "worse"), **rare))[1]
    assert said[0].startswith("Nothing can be concluded: “Large”, the best on the validation part, reaches 89.00 %")
    assert "not shown to be more than the 88.50 % of one and the same answer" in said[0]
    assert "For accuracy" not in words(("", said))
    assert "For cost" not in words(("", said))
    # The fast row is not above it, and no bargain.
    assert "For cost take “Large”" in words(choice_section(study(constant_accuracy=0.875)))


def test_a_row_that_answers_one_class_is_called_so() -> None:
    """In all of its runs or in some, with what to try; of a frequent class that accuracy hides it."""
    columns = {"constant_runs": [1, 2, 0], "constant_class": ["neg", "pos", ""]}
    said = choice_section(study(**columns))[1]
    assert "“Linear” gives every test text one class, “neg”, whatever it reads." in [line.strip() for line in said]
    small = next(line for line in said if line.startswith("“Small”"))
    assert (
        "one class in 2 of its 3 runs, “pos”, whatever it reads. Its training diverged or learned too little" in small
    )
    assert "compare by F1" not in words(("", said))
    frequent = choice_section(study(constant_accuracy=0.98, **columns))
    assert words(frequent).count("With one class this frequent compare by F1: comparison: {metric: f1}.") == 2


def test_rows_tuned_on_the_validation_part_are_named() -> None:
    """A baseline or a searched row competes by a score that chose its settings already: the choice says so."""
    said = words(choice_section(study()))
    assert "The settings of “Linear” were chosen on the validation part too, which flatters it a little" in said
    searched = words(choice_section(study(chosen=[np.nan, np.nan, "epochs 3"])))
    assert (
        "The settings of “Linear” and “Large” were chosen on the validation part too, which flatters them" in searched
    )
    untuned = {name: row for name, row in ROWS.items() if name != "Linear"}
    assert "flatters" not in words(choice_section(study(untuned, {("Small", "Large"): "worse"})))


def test_a_row_below_one_standard_error_is_not_taken_for_cost() -> None:
    """A fast row that is clearly worse on validation is no bargain."""
    far = ROWS | {"Small": ("bert", 4_000, 0.88, 0.01, 0.89, 2.0)}
    said = words(choice_section(study(far, dict.fromkeys(VERDICTS, "worse"))))
    assert "For cost take it too" in said


@pytest.mark.parametrize(("cost", "said"), [(0.123, "0.12 ms"), (9.96, "10 ms"), (154.9, "155 ms"), (2e3, "2,000 ms")])
def test_times_are_plain_numbers(cost: float, said: str) -> None:
    """Slow answers, as of BERT-Base on a CPU, are told without an exponent."""
    slow = study(ROWS | {"Large": ("bert", 9_000, 0.96, 0.001, 0.95, cost)})
    assert f" {said} per text" in words(choice_section(slow))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"processor": ["A", "A", "B"]}, "on machines of different kinds (A with 4 cores, 4 threads; B with 4 cores"),
        (
            {"threads": [4, 4, 2]},
            "on machines of different kinds (A with 4 cores, 4 threads; A with 4 cores, 2 threads",
        ),
        ({"other_load": [0.2, 0.9, 1.1]}, "other work disturbed that of “Large”; measure again with --forcerun"),
        ({"other_load": 1.1}, "other work disturbed those of all rows; measure again with --forcerun"),
        ({"throughput_spread": [0.6, 0.51, 0.5]}, "other work disturbed those of “Linear”, “Small”; measure again"),
        ({"processor": [None, "A", "A"]}, "it is not recorded on which machine they were measured"),
    ],
)
def test_times_are_ranked_only_where_they_can_be(columns: dict[str, list], expected: str) -> None:
    """No row is named for cost where a row was timed elsewhere, or beside other work, or nobody knows."""
    said = words(choice_section(study(**columns)))
    assert "For cost no row is named: the times cannot be ranked, since " in said
    assert expected in said
    assert "For cost take" not in said and "per text" not in said
    equal = ROWS | {"Small": ("bert", 4_000, 0.895, 0.010, 0.88, 99.0)}
    assert study(equal, **columns).best(["Small", "Large"]) == "Small"
    assert study(equal).best(["Small", "Large"]) == "Large"


def test_work_that_leaves_the_row_its_cores_does_not_disturb() -> None:
    """On a large machine others may work beside a row that has threads for a few of the cores only."""
    assert "For cost take “Small”" in words(choice_section(study(cores=64, other_load=60.0)))


def test_a_better_row_on_test_is_told_but_not_chosen() -> None:
    """Choosing on test would flatter the choice."""
    said = words(choice_section(study(verdicts=VERDICTS | {("Small", "Large"): "better"})))
    assert "For accuracy take “Large”" in said
    assert "On the test split “Small” came out better than it; the choice was not made there." in said


def test_baseline_is_beaten_only_with_a_test() -> None:
    """BERT rows are sorted by their verdict against the linear model; without one `better` no claim is made."""
    assert "Better than it: “Small” +7.00 points [+6.00, +8.00]" in words(baseline_section(study()))
    no_difference = dict.fromkeys(VERDICTS, "not separable")
    said = words(baseline_section(study(verdicts=no_difference)))
    assert "Better" not in said
    assert "No BERT of this study is shown to beat the linear baseline." in said
    mixed = VERDICTS | {("Linear", "Large"): "better"}
    said = words(baseline_section(study(verdicts=mixed)))
    assert "Better than it: “Small”" in said
    assert "Worse than it: “Large” +8.00 points" in said
    berts = {name: row for name, row in ROWS.items() if name != "Linear"}
    alone = study(berts, {("Small", "Large"): "worse"})
    assert "whether a BERT is worth its cost is open" in words(baseline_section(alone))


def test_frozen_encoder_stands_beside_linear_models_and_berts() -> None:
    """Each other row by its verdict; a study without one says nothing of it."""
    assert frozen_section(study()) is None
    rows = ROWS | {"Frozen": ("frozen", 4_000, 0.85, 0.010, 0.85, 2.0)}
    verdicts = VERDICTS | {("Linear", "Frozen"): "worse", ("Small", "Frozen"): "not separable"}
    results = study(rows, verdicts | {("Large", "Frozen"): "better"}, encoder=["", "small", "large", "small"])
    said = words(frozen_section(results))
    assert "“Frozen”, logistic regression on the outputs of small as it is, reaches 85.00 % [84.00, 86.00]" in said
    assert "Better than it: “Large” +4.00 points [+3.00, +5.00]" in said
    assert "Not separable from it: “Small” +3.00 points" in said
    assert "Worse than it: “Linear” -4.00 points" in said
    assert results.berts == ["Small", "Large"]
    assert results.baselines == ["Linear"]
    assert "Frozen" in results.tuned


def test_rungs_are_compared_with_the_next_larger() -> None:
    """The larger against the smaller, whatever their order in the table."""
    assert "“Large” is not separable from “Small”: +1.00 points" in words(size_section(study()))
    turned = {name: ROWS[name] for name in ("Linear", "Large", "Small")}
    verdicts = {("Linear", "Large"): "worse", ("Linear", "Small"): "worse", ("Large", "Small"): "better"}
    assert "“Large” is better than “Small”: +1.00 points" in words(size_section(study(turned, verdicts)))


def test_a_size_is_spoken_for_by_its_best_row() -> None:
    """A tuned row of the same encoder is no rung of its own: the better on validation stands for the size."""
    rows = ROWS | {"Small tuned": ("bert", 4_000, 0.892, 0.01, 0.885, 2.0)}
    verdicts = dict.fromkeys([(a, b) for i, a in enumerate(rows) for b in list(rows)[i + 1 :]], "not separable")
    said = size_section(study(rows, verdicts))[1]
    assert len(said) == 2
    assert said[0].startswith("“Large” is not separable from “Small tuned”")
    assert "whatever its settings" in said[1]
    small = {name: row for name, row in rows.items() if row[1] != 9_000}
    pairs = {pair: verdict for pair, verdict in verdicts.items() if "Large" not in pair}
    assert size_section(study(small, pairs))[1] == ["All BERT rows are of one size: nothing to compare."]


def test_many_rows_are_told_by_their_ends() -> None:
    """Against the linear model the least and the greatest difference stand for all of many rows."""
    names = [f"r{i}" for i in range(8)]
    rows = {"Linear": ROWS["Linear"]} | {
        name: ("bert", 4_000 + i, 0.85 + 0.001 * i, 0.01, 0.85 + 0.01 * i, 2.0) for i, name in enumerate(names)
    }
    pairs = {("Linear", name): "worse" for name in names}
    pairs |= {(a, b): "worse" for i, a in enumerate(names) for b in names[i + 1 :]}
    said = words(baseline_section(study(rows, pairs)))
    assert "Better than it: 8 rows, from “r0” +4.00 points [+3.00, +5.00] (p = .002) to “r7” +11.00 points" in said
    assert "“r3”" not in said


def test_open_pairs_say_what_they_would_take() -> None:
    """Each pair without a verdict with the seeds, or texts, that such a difference takes; many are counted."""
    said = open_section(study())
    assert (
        said[1][0]
        == "“Small” and “Large”: -1.00 points [-2.00, +0.00] (p = .300); it would take about 11 seeds per row."
    )
    assert "find the difference 4 times in 5" in said[1][1]
    texts = study()
    texts.pairs["seeds_needed"], texts.pairs["examples_needed"] = np.nan, 123_456
    assert "it would take about 123,456 test texts and many seeds." in words(open_section(texts))
    texts.pairs["scope"] = "these trained models"
    assert "it would take about 123,456 test texts." in words(open_section(texts))
    texts.pairs["examples_needed"] = np.nan
    assert len(open_section(texts)[1]) == 1
    none = study(verdicts=dict.fromkeys(VERDICTS, "worse"))
    assert "every difference between two rows is significant" in words(open_section(none))
    names = [f"r{i}" for i in range(7)]
    rows = dict.fromkeys(names, ROWS["Small"])
    pairs = {(a, b): "not separable" for i, a in enumerate(names) for b in names[i + 1 :]}
    said = open_section(study(rows, pairs))[1]
    assert len(said) == 12
    assert said[-2].startswith("And 11 more pairs")
    assert words(("", said)).count("4 times in 5") == 1


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("seeds and examples", "Each comparison speaks of other seeds and other texts of this kind too"),
        ("these trained models", "of these trained models only: it says nothing about what another seed"),
    ],
)
def test_scope_is_said(scope: str, expected: str) -> None:
    """With one seed nothing is said about other seeds."""
    assert expected in words(scope_section(study(scope=scope)))


def test_scope_names_the_rows_with_class_weights() -> None:
    """Since they were trained for recall; without any nothing is said."""
    weighted = words(scope_section(study(class_weight=["balanced", None, "10 for fraud"])))
    assert "“Linear” and “Large” were trained with class weights" in weighted
    assert "class weights" not in words(scope_section(study()))


def epochs(schedule: str = "constant", planned: int | None = None, **losses: list[list[float]]) -> list[str]:
    """What is said of some rows: per row and seed the validation loss of each epoch."""
    runs = [(model, seed, of_seed) for model, of_row in losses.items() for seed, of_seed in enumerate(of_row, 1)]
    histories = pd.DataFrame(
        {"model": model, "seed": seed, "epoch": epoch, "validation_loss": loss}
        for model, seed, of_seed in runs
        for epoch, loss in enumerate(of_seed, 1)
    )
    records = [
        {
            "model": model,
            "training": {"epochs": planned or len(of_seed), "schedule": schedule},
            "kept_epoch": int(np.argmin(of_seed)) + 1,
        }
        for model, _, of_seed in runs
    ]
    heading, lines = epochs_section(histories, records)
    assert "epochs" in heading
    return lines


RISING = [[0.9, 0.3, 0.6], [0.9, 0.31, 0.6], [0.9, 0.3, 0.59]]
WAVERING = [[0.5, 0.4], [0.5, 0.6], [0.5, 0.5]]
FALLING = [[0.9, 0.5], [0.9, 0.51], [0.9, 0.49]]


def test_epochs_claim_no_more_than_their_test() -> None:
    """A loss that falls in all seeds alike, one that rises, one that does both, single and equal runs, one epoch."""
    falls, rises, wavers, single, alike, once, method = epochs(
        falls=FALLING, rises=RISING, wavers=WAVERING, single=[[0.5, 0.4]], alike=[[0.5, 0.4]] * 3, once=[[0.5], [0.4]]
    )
    assert "the validation loss still fell in the last epoch (-0.4000 [" in falls
    assert "more epochs may help" in falls
    assert "rose in the last epoch" in rises
    assert "lowest, on average, after epoch 2 of 3" in rises
    assert "no change of the validation loss in the last epoch is shown" in wavers
    assert "in its one run the validation loss fell" in single
    assert "in all 3 runs alike the validation loss fell" in alike
    assert "may help" not in single + alike
    assert "says nothing about a second" in once
    assert "Holm-corrected over the rows" in method


def test_rows_of_one_epoch_share_a_sentence() -> None:
    """Of a study under a protocol of one epoch there is nothing more to say."""
    (alone,) = epochs(one=[[0.5], [0.4]], other=[[0.6]])
    assert alone == "“one”, “other”: trained for one epoch, which says nothing about a second."


def test_epochs_of_a_decaying_schedule_promise_nothing() -> None:
    """With a rate that ends at zero a longer training is another schedule."""
    falls, _, schedule = epochs(schedule="linear", falls=FALLING)
    assert "still fell" in falls
    assert "may help" not in falls
    assert "a longer training is another schedule" in schedule


def test_epochs_are_corrected_for_the_number_of_rows() -> None:
    """A change that one row alone would show is not shown among twenty that do nothing."""
    weak = [[0.9, 0.80], [0.9, 0.82], [0.9, 0.84]]
    assert "still fell" in epochs(weak=weak)[0]
    assert "no change" in epochs(weak=weak, **{f"row{i}": WAVERING for i in range(20)})[0]


def test_early_stopping_is_told_not_tested() -> None:
    """The last epoch of a run that stopped by itself is one without a gain: it proves nothing."""
    lines = epochs(planned=10, row=[[0.9, 0.5, 0.6], [0.9, 0.5, 0.4, 0.45], [0.9, 0.45, 0.5]])
    assert lines == [
        "“row”: stopped by itself after 3 to 4 of at most 10 epochs; the weights kept are those of epoch 2 to 3."
    ]


def test_one_row_is_nothing_to_compare() -> None:
    """A study of one row makes no statement about pairs, and its scope comes from its interval."""
    alone = study({"Only": ROWS["Small"]}, {}, scope="these trained models")
    said = words(choice_section(alone)) + words(open_section(alone)) + words(scope_section(alone))
    assert "For cost" not in said
    assert "The study has one row: nothing to compare." in said
    assert "1 row is measured" in said
    assert "of these trained models only" in said


def test_choice_names_what_it_cannot_be_told_from() -> None:
    """Whoever takes the best reads which rows are not separable from it, and whether the ranking is fair."""
    assert "it is not separable from “Small”." in words(choice_section(study()))
    assert "how the parts were drawn" in words(choice_section(study(), parts_differ=True))


def test_leaks_and_searches_are_told() -> None:
    """What the leaked texts change, and what the search chose from how many trials."""
    assert words(leak_section(study(), 12)).startswith("12 test texts are training texts too; without them no row's")
    assert "1 test text is a training text too; without it" in words(leak_section(study(), 1))
    assert "changes by more than 0.20 points" in words(leak_section(study(), 12))
    assert "no test text stands in the training split" in words(leak_section(study(), 0))
    assert search_section(study()) is None
    nothing = [np.nan, np.nan]
    outcome = {"chosen": "epochs 3", "trials": 4, "search_metric": "accuracy", "search_score": 0.91}
    of_large = {key: [*nothing, value] for key, value in outcome.items()}
    said = words(search_section(study(**of_large)))
    assert "“Large”: epochs 3, the best of 4 trials by validation accuracy (91.00 %)" in said
    assert "it has 89.50 % there, and 89.00 % [88.00, 90.00] accuracy on the test split" in said
    assert "halved" not in said


def test_halved_search_tells_who_was_dropped_when() -> None:
    """In the words of the table; of many that were dropped at once the best are named."""
    rungs = halving_words(
        [
            {"budget": 0.1, "trials": 4, "dropped": [{"epochs": 1}, {"epochs": 4}]},
            {"budget": 0.3, "trials": 2, "dropped": [{"epochs": 2}]},
            {"budget": 1.0, "trials": 1, "dropped": []},
        ]
    )
    outcome = {"chosen": "epochs 3", "trials": 4, "search_metric": "accuracy", "search_score": 0.91} | rungs
    said = words(search_section(study(**{key: [np.nan, np.nan, value] for key, value in outcome.items()})))
    assert "“Large” was halved: 4 trials to 10 % of their steps, 2 to 30 %, 1 to the end. Dropped" in said
    assert "Dropped after 10 %: epochs 1; epochs 4. After 30 %: epochs 2. A trial that learns slowly" in said
    many = halving_words([{"budget": 0.1, "trials": 13, "dropped": [{"epochs": n} for n in range(12)]}])
    assert many["dropped"].endswith("epochs 9; and 2 more")


def test_rows_of_very_few_steps_are_named() -> None:
    """With how many there were, in any of their runs; 20 are not few."""
    records = [
        {"model": model, "epochs": epochs, "n_train": n_train, "training": {"batch_size": 32}}
        for model, epochs, n_train in (("Small", 1, 33), ("Small", 3, 65), ("Large", 2, 320), ("Tiny", 1, 608))
    ]
    told = words(scope_section(study(), records))
    assert "20 optimizer steps in all hardly train a model: “Small” (2 to 9) and “Tiny” (19); lower batch_size" in told
    assert "optimizer steps" not in words(scope_section(study(), records[2:3]))


def test_p_values_for_people() -> None:
    """Small ones are bounded, none is 0."""
    assert [p_value(p) for p in (0.0, 0.0324, 1.0)] == ["p < .001", "p = .032", "p = 1"]


def test_hostile_names_are_text() -> None:
    """A row's name is shown as it is, in every form."""
    sections = [("Which row to take", ["“<script>alert(1)</script> *a|b*” is best."])]
    assert "<script>" not in render_html("t", sections)
    assert "&lt;script&gt;" in render_html("t", sections)
    assert r"\*a\|b\*" in render_markdown("t", sections)
    assert "<script>" in render_text(sections)
    assert max(map(len, render_text([("h", ["word " * 100])]).splitlines())) <= 120


@pytest.mark.parametrize("name", ["NA", "+1", "mean", "model"])
def test_summary_is_written_in_three_forms(tmp_path: Path, name: str) -> None:
    """From files to files: every form has the choice and its scope, whatever a row is called."""
    renamed = {(name if row == "Small" else row): values for row, values in ROWS.items()}
    verdicts = {("Linear", name): "worse", ("Linear", "Large"): "worse", (name, "Large"): "not separable"}
    numbers = study(renamed, verdicts)
    (tmp_path / "table.csv").write_text(rows_csv(numbers.table.reset_index().assign(encoder="")))
    numbers.comparison.to_csv(tmp_path / "comparison.csv", index=False)
    numbers.pairs.to_csv(tmp_path / "pairs.csv", index=False)
    (tmp_path / "audit.json").write_text(json.dumps({"leaked": {"test_rows": 0}}))
    runs = [{"model": model, "seed": seed} for model in (name, "Large") for seed in (1, 2)]
    paths, records = [], []
    for run in runs:
        paths.append(tmp_path / f"{run['model']}-{run['seed']}.csv")
        pd.DataFrame({"epoch": [1, 2], "validation_loss": [0.5, 0.4 + run["seed"] / 100]}).to_csv(paths[-1])
        training = {"epochs": 2, "schedule": "linear", "batch_size": 32}
        record = {"training": training, "epochs": 2, "n_train": 280 + 32 * run["seed"], "kept_epoch": 2}
        records.append(paths[-1].with_suffix(".json"))
        records[-1].write_text(json.dumps(record | run))
    out = {form: tmp_path / f"summary.{form}" for form in ("markdown", "html", "text")}
    inputs = [tmp_path / name for name in ("table.csv", "comparison.csv", "pairs.csv", "audit.json")]
    sources = SummarySources(*inputs, history=paths, training=records)
    render_summary(sources, runs, parts_differ=True, study="micro", metric="accuracy", paths_out=out)
    for path in out.values():
        said = re.sub(r"\s+", " ", path.read_text())
        assert f"For cost take “{name}”" in said
        assert "how the parts were drawn" in said
        assert "speaks of other seeds" in said
        assert "optimizer steps" not in said
