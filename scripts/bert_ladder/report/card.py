"""The card of the chosen model (Mitchell et al. 2019, arXiv 1810.03993): what it is, how it was measured, its limits.

It holds no text of the data.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from tabulate import tabulate

from bert_ladder.data.frames import read_rows
from bert_ladder.evaluation.chosen_model import RECORD, ChosenModel, read_chosen
from bert_ladder.report.markup import escape_markdown
from bert_ladder.report.records import read_record

CALIBRATION = {"ece": "expected calibration error", "brier": "Brier score (0 to 2)", "test_loss": "log loss (nats)"}
SETTINGS = (
    *("length", "truncation", "pooling", "epochs", "batch_size", "optimizer", "learning_rate", "schedule"),
    *("warmup_fraction", "weight_decay", "class_weight", "precision", "C", "beta"),
)


@dataclass(frozen=True)
class CardSources:
    """The files that a card is made of.

    Attributes:
        chosen: model.json.
        table: table.csv.
        audit: audit.json.
    """

    chosen: Path | str
    table: Path | str
    audit: Path | str


def render_card(sources: CardSources, licences: Mapping[str, str], path_card: Path | str) -> None:
    """Write the README.md of a chosen model.

    Args:
        sources: the files that the numbers stand in.
        licences: of the encoders' weights, by the name of the row; those that are known.
        path_card: markdown file to write.
    """
    chosen = read_chosen(Path(sources.chosen).parent)
    table = read_rows(sources.table)
    row = table[table["model"] == chosen.row].iloc[0]
    sections = {
        "": _what_it_is(chosen, licences.get(chosen.row)),
        "To ask it": _how_to_ask(chosen),
        "How it was chosen": [escape_markdown(chosen.why)],
        "Measured on the test split": _measured(chosen, row),
        "How sure it is": _calibration(chosen),
        "How it answers": _decision(chosen),
        "Data": _data(chosen, read_record(sources.audit)),
        "How it was made": _how_it_was_made(chosen),
        "Limits": _limits(chosen, row),
    }
    parts = [_front_matter(chosen, licences.get(chosen.row)), f"# {escape_markdown(chosen.study)}: a text classifier"]
    for heading, blocks in sections.items():
        parts += [f"## {heading}"] * bool(heading) + blocks
    Path(path_card).write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _front_matter(chosen: ChosenModel, licence: str | None) -> str:
    """What Hugging Face's hub reads of a card."""
    known = {"pipeline_tag": "text-classification", "tags": ["text-classification", "bert-ladder"]}
    if licence and " " not in licence:
        known["license"] = licence.lower()
    return f"---\n{yaml.safe_dump(known, sort_keys=False)}---"


def _what_it_is(chosen: ChosenModel, licence: str | None) -> list[str]:
    """The model in two sentences."""
    kind = {
        "bert": f"a BERT on the encoder `{chosen.encoder}`",
        "frozen": f"logistic regression on the outputs of the encoder `{chosen.encoder}`, which was not trained",
        "baseline": "a linear model of n-grams",
    }[chosen.kind]
    names = ", ".join(f"“{escape_markdown(label)}”" for label in chosen.labels[:20])
    more = f" and {len(chosen.labels) - 20} more" if len(chosen.labels) > 20 else ""
    lines = [
        f"“{escape_markdown(chosen.row)}”, {kind}, tells {len(chosen.labels)} classes of text apart: {names}{more}."
    ]
    if licence:
        lines[0] += f" The published weights that it started from have the licence {escape_markdown(licence)}."
    return lines


def _how_to_ask(chosen: ChosenModel) -> list[str]:
    return [
        f'```\nbert-ladder predict results/{chosen.study}/chosen --text "…"\n'
        f"bert-ladder predict results/{chosen.study}/chosen new.csv -o predictions.csv\n```",
        "`snakemake exports` writes it in the forms that others load, each measured on the whole test split: "
        "`forms.md` beside this file has what came out.",
    ]


def _measured(chosen: ChosenModel, row: pd.Series) -> list[str]:
    """Its own scores, those of its row, and each class."""
    low, mean, high = (100 * row[f"test_accuracy{end}"] for end in ("_low", "", "_high"))
    runs = int(row["seeds"])
    own = chosen.metrics
    lines = [
        f"This run (seed {chosen.seed}) has an accuracy of {100 * own['test_accuracy']:.2f} % on {own['n_test']:,} "
        f"test texts and a macro F1 of {100 * own['macro_f1']:.2f} %. "
        + (
            f"Its row has {mean:.2f} % [{low:.2f}, {high:.2f}] over {runs} seeds"
            if runs > 1
            else f"Its 95 % interval is [{low:.2f}, {high:.2f}]"
        )
        + f"; always answering “{escape_markdown(str(row['majority_class']))}” has "
        f"{100 * row['constant_accuracy']:.2f} %."
    ]
    classes = [
        [escape_markdown(name), *(f"{100 * of[key]:.1f}" for key in ("precision", "recall", "f1")), int(of["support"])]
        for name, of in own["class_metrics"].items()
    ]
    headers = ["class", "precision, %", "recall, %", "F1, %", "test texts"]
    return [*lines, tabulate(classes, headers, "pipe", disable_numparse=True, colalign=["left"] + ["right"] * 4)]


def _calibration(chosen: ChosenModel) -> list[str]:
    """The temperature, before and after."""
    cells = [
        [name, *(f"{value:.4f}" for value in chosen.calibration[measure])] for measure, name in CALIBRATION.items()
    ]
    return [
        f"Its probabilities are those of the model at a temperature of {chosen.temperature:.3f} (Guo et al. 2017), "
        f"which was fitted on {chosen.calibration['fitted_on']:,} validation texts and changes no answer. On the test "
        "split:",
        tabulate(cells, ["", "model's own", "at the temperature"], "pipe", disable_numparse=True),
    ]


def _decision(chosen: ChosenModel) -> list[str]:
    """Threshold and abstention in words."""
    decision = chosen.decision
    lines = ["The most probable class is the answer."]
    if decision.threshold_for is not None and decision.positive is not None:
        positive = escape_markdown(chosen.labels[decision.positive])
        lines = [
            f"The answer is “{positive}” from a probability of {decision.threshold:.4f} on, chosen for "
            f"{decision.threshold_for}."
            if decision.threshold is not None
            else f"The most probable class is the answer: wanted was {decision.threshold_for}."
        ]
    if decision.least_confidence is not None:
        lines.append(
            f"Texts whose answer is less probable than {decision.least_confidence:.4f} are not answered, so that at "
            f"most {decision.most_errors:.1%} of the answers to the validation texts were wrong."
            if decision.least_confidence <= 1
            else f"No text is answered: of the validation texts even the surest answers were wrong more often than "
            f"{decision.most_errors:.1%}."
        )
    return [" ".join(lines)]


def _data(chosen: ChosenModel, audit: Mapping[str, Any]) -> list[str]:
    """How many texts, how many of them twice, and which files."""
    rows = ", ".join(f"{count:,} {split}" for split, count in audit["rows"].items())
    leaked = audit["leaked"]["test_rows"]
    files = [[escape_markdown(name), f"`{sha256}`"] for name, sha256 in chosen.data.items()]
    return [
        f"{rows} texts; {leaked:,} test texts stand in the training split too. The published files:",
        tabulate(files, ["file", "SHA-256"], "pipe", disable_numparse=True),
    ]


def _how_it_was_made(chosen: ChosenModel) -> list[str]:
    """Settings, versions, code and hardware."""
    settings = ", ".join(
        f"{key} {json.dumps(chosen.settings[key])}" for key in SETTINGS if chosen.settings.get(key) not in (None, "")
    )
    made = chosen.made_with
    versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    hardware = ", ".join(f"{key} {value}" for key, value in made["hardware"].items())
    commit = f"commit `{made['commit']}`, " if made["commit"] else ""
    return [
        f"- Settings: {escape_markdown(settings)}; all of them stand in `{RECORD}`.\n"
        f"- Code of BERT Ladder: {commit}SHA-256 of the training's code `{made['code']}`.\n"
        f"- Versions: {versions}.\n"
        f"- Hardware: {escape_markdown(hardware)}."
    ]


def _limits(chosen: ChosenModel, row: pd.Series) -> list[str]:
    """What the numbers do not say."""
    lines = [
        "The scores are of texts like those of the test split: other sources, times or languages were not measured.",
        "Temperature, threshold and the choice of the row rest on the validation part; of its row this is the run with "
        "the best score there, which flatters that score and not the test split's.",
    ]
    if chosen.on_encoder:
        lines.append(
            f"It reads {chosen.settings['length']} WordPieces of a text ({chosen.settings['truncation']}); what is "
            "longer is cut."
        )
    if "class_weight" in row and isinstance(row["class_weight"], str):
        lines.append("It was trained with class weights, which shift its probabilities towards the heavier classes.")
    return ["\n".join(f"- {line}" for line in lines)]
