"""The data audit in words: what was counted, what it means for a score, and when to worry."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bert_ladder.data.frames import read_labels
from bert_ladder.report.html import Table
from bert_ladder.report.records import read_record
from bert_ladder.report.shares import rare_in_words

SPLITS = {"train": "Training", "validation": "Validation", "test": "Test"}
# From where on a finding is told at the top of the page; rules of thumb, which the page states.
KINDS = {"across": "Across the splits", "train": "Within training", "test": "Within test"}
FEW_TEXTS = 1_000
MANY_REPEATED = 0.01
RARE_LABEL = 0.10
SHIFTED_LABELS = 0.05
LONGER = 1.25
MANY_CUT = 0.20
BUT_FOR = "but for case, white space, invisible characters and the form of characters (NFKC)"
TOLD = 5  # findings about labels; the table has them all
LENGTHS = {
    "min": "Shortest",
    "median": "Median",
    "mean": "Mean",
    "p90": "90 % up to",
    "p99": "99 % up to",
    "max": "Longest",
}


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        heading: plain text.
        words: what the numbers mean and when to worry, plain text.
        table: the numbers.
        findings: sentences on what deserves attention, plain text.
    """

    heading: str
    words: str
    table: Table
    findings: Sequence[str] = ()


def read_audit(
    path_audit: str | Path, path_near: str | Path, path_labels: str | Path, show_texts: bool = True
) -> list[Section]:
    """All parts of the page in order.

    Args:
        path_audit: audit.json.
        path_near: near_duplicates.json.
        path_labels: labels.json.
        show_texts: whether the page may hold texts of the data.
    """
    audit, near = read_record(path_audit), read_record(path_near)
    if not show_texts:
        near["worst"] = {kind: [] for kind in near["worst"]}
    return audit_sections(audit, near, *read_labels(path_labels))


def findings_of(sections: Sequence[Section]) -> list[str]:
    """All that deserves attention."""
    return [finding for section in sections for finding in section.findings]


def audit_sections(
    audit: dict[str, Any], near: dict[str, Any], names: Sequence[str], positive: int | None
) -> list[Section]:
    """All parts of the page in order.

    Args:
        audit: audit.json.
        near: near_duplicates.json.
        names: label names in the order of their codes.
        positive: code of the positive class, or None.
    """
    sections = [
        size_section(audit),
        repeats_section(audit),
        leak_section(audit),
        near_section(near, audit["rows"]["test"]),
        *alike_sections(near),
        *([validation_section(audit)] if "in_validation" in audit else []),
        labels_section(audit, names, positive),
        lengths_section(audit),
    ]
    if any(found["cut"] for found in audit["vocabularies"].values()):
        sections.append(cut_section(audit))
    return sections


def size_section(audit: dict[str, Any]) -> Section:
    """Texts, and the empty ones that were left out."""
    rows, empty = audit["rows"], audit["left_out"]
    half = 100 * 1.96 * math.sqrt(0.9 * 0.1 / rows["test"])
    findings = []
    if rows["test"] < FEW_TEXTS:
        findings.append(
            f"There are {rows['test']:,} test texts: an accuracy near 90 % is known to ±{half:.1f} points at best."
        )
    if sum(empty.values()):
        shown = [f"{empty[split]:,} of the {word.lower()} file" for split, word in _splits(audit).items()]
        findings.append(f"Empty texts were left out: {', '.join(shown)}.")
    return Section(
        "Texts",
        "The more test texts, the smaller the difference between two models that can be told from chance: with "
        f"{rows['test']:,} an accuracy near 90 % is known to ±{half:.1f} points at best. Worry below some "
        f"{FEW_TEXTS:,}, and about any empty text: it is often a column that was read wrongly. Those left out "
        "are not among the texts, and numbers of texts on any page pass over them; where a test split was held out of "
        "the training file they were left out before.",
        _split_table(["Texts", "Empty, left out"], [rows, empty]),
        findings,
    )


def repeats_section(audit: dict[str, Any]) -> Section:
    """Duplicates within a split, and texts with several labels."""
    rows, duplicates, contradictory = audit["rows"], audit["duplicates"], audit["contradictory"]
    findings = [
        f"{_share(duplicates[split], rows[split])} of the {word.lower()} texts repeat another."
        for split, word in _splits(audit).items()
        if duplicates[split] > MANY_REPEATED * rows[split]
    ]
    if contradictory["both"]:
        findings.append(f"{_counted(contradictory['both'], 'text stands', 'texts stand')} under several labels.")
    shares = {split: _share(duplicates[split], rows[split]) for split in rows}
    over = "both splits" if len(rows) == 2 else "all splits"
    return Section(
        "Repeated and contradictory texts",
        f"A duplicate repeats an earlier text of its split, {BUT_FOR}, and so counts twice; an exact one does so "
        f"letter by letter. Worry above {100 * MANY_REPEATED:.0f} %, which suggests that the data were collected "
        "twice. A contradictory text stands under two labels or more, so that no model can be right each time; worry "
        f"about any, since one of its labels is wrong. Over {over} together "
        f"{_counted(contradictory['both'], 'text is', 'texts are')} contradictory.",
        _split_table(
            ["Exact duplicates", "Duplicates", "Share", "Contradictory"],
            [audit["exact"]["duplicates"], duplicates, shares, contradictory],
        ),
        findings,
    )


def leak_section(audit: dict[str, Any]) -> Section:
    """Texts in both splits."""
    leaked, rows = audit["leaked"], audit["rows"]["test"]
    share = _share(leaked["test_rows"], rows)
    findings = []
    if leaked["test_rows"] > MANY_REPEATED * rows:
        findings.append(f"{share} of the test texts are training texts too: their score measures memory.")
    return Section(
        "Test texts that are training texts too",
        f"These stand in both splits, {BUT_FOR}. A model may have memorized them, so that its score is too good; a "
        f"larger model gains more. Worry above {100 * MANY_REPEATED:.0f} % of the test texts; comparison.csv has each "
        "row's accuracy without them (clean_accuracy).",
        Table(
            ["Exact texts in both splits", "Texts in both splits", "Test texts concerned", "Share"],
            [[f"{audit['exact']['leaked']['texts']:,}", f"{leaked['texts']:,}", f"{leaked['test_rows']:,}", share]],
            "rrrr",
        ),
        findings,
    )


def near_section(near: dict[str, Any], test_rows: int) -> Section:
    """Texts that are nearly equal.

    Args:
        near: near_duplicates.json.
        test_rows: rows of the test split.
    """
    concerned, pairs = near["test_rows"], near["pairs"]
    share = _share(concerned, test_rows)
    findings = []
    if concerned > MANY_REPEATED * test_rows:
        findings.append(f"{share} of the test texts are nearly equal to a training text: their score measures memory.")
    least = "" if near["complete"] else " Too many texts are alike to compare all of them: there are more than these."
    return Section(
        "Nearly equal texts",
        f"Two texts are nearly equal if of all their runs of {near['words']} words at least "
        f"{100 * near['threshold']:.0f} % stand in both, and they are not equal {BUT_FOR}. Of pairs that are just so "
        f"similar {100 * near['missed']:.1f} % are expected to be missed, of more similar ones fewer. Pairs are of "
        "distinct texts; the test texts concerned are nearly equal to a training text and equal to none. Worry above "
        f"{100 * MANY_REPEATED:.0f} % of the test texts: a model may know them almost by heart, and clean_accuracy "
        f"counts them.{least}",
        Table(
            ["Pairs in training", "Pairs in test", "Pairs across", "Test texts concerned", "Share"],
            [[f"{pairs['train']:,}", f"{pairs['test']:,}", f"{pairs['across']:,}", f"{concerned:,}", share]],
            "rrrrr",
        ),
        findings,
    )


def alike_sections(near: dict[str, Any]) -> list[Section]:
    """The most similar of the nearly equal texts, two lines a pair; no section without a pair."""
    lines = [
        [KINDS[kind] if end == 0 else "", f"{pair['similarity']:.3f}" if end == 0 else "", where, text["text"]]
        for kind in KINDS
        for pair in near["worst"][kind]
        for end, text in enumerate(pair["texts"])
        for where in [f"{SPLITS[text['split']]} text {text['row']:,}"]
    ]
    if not lines:
        return []
    return [
        Section(
            "The most similar of the nearly equal texts",
            "The part in which each pair first differs; 1 is the similarity of texts whose runs of words are the same. "
            "Texts are numbered from 0, as in predictions.parquet and on the page of mistakes.",
            Table(["Pair", "Similarity", "Where", "Text"], lines, "lrll"),
        )
    ]


def validation_section(audit: dict[str, Any]) -> Section:
    """Texts that a validation file of its own shares with the other splits."""
    rows = audit["rows"]["validation"]
    effects = {"train": "rows are chosen by what they remember", "test": "rows are chosen by the test"}
    lines, findings = [], []
    for split, shared in audit["in_validation"].items():
        share = _share(shared["validation_rows"], rows)
        lines.append([SPLITS[split], f"{shared['texts']:,}", f"{shared['validation_rows']:,}", share])
        if shared["validation_rows"] > MANY_REPEATED * rows:
            findings.append(f"{share} of the validation texts are {SPLITS[split].lower()} texts too: {effects[split]}.")
    return Section(
        "Validation texts of the other splits",
        f"The validation part is a file of its own, {rows:,} texts; rows, their settings and the end of their "
        "trainings are chosen by its scores. Training texts among them favour models that memorize, test texts make "
        "the test scores of what was chosen too good. Worry above "
        f"{100 * MANY_REPEATED:.0f} % of the validation texts.",
        Table(["Split", "Texts in both splits", "Validation texts concerned", "Share"], lines, "lrrr"),
        findings,
    )


def labels_section(audit: dict[str, Any], names: Sequence[str], positive: int | None) -> Section:
    """Texts by label."""
    rows, labels, classes, splits = audit["rows"], audit["labels"], len(names), _splits(audit)
    lines, findings = [], []
    for name in names:
        count = {split: labels[split].get(name, 0) for split in splits}
        share = {split: count[split] / rows[split] for split in splits}
        cells = [cell for split in splits for cell in (f"{count[split]:,}", _share(count[split], rows[split]))]
        lines.append([name, *cells])
        if not all(count.values()):
            missing = " and ".join(word.lower() for split, word in splits.items() if not count[split])
            findings.append(f"No {missing} text has the label “{name}”.")
        elif abs(share["train"] - share["test"]) > SHIFTED_LABELS:
            findings.append(
                f"“{name}” is the label of {_share(count['train'], rows['train'])} of the training texts, but of "
                f"{_share(count['test'], rows['test'])} of the test texts."
            )
        # With 20 classes a share of 5 % is as it should be.
        elif share["test"] < min(RARE_LABEL, 1 / (2 * classes)):
            findings.append(f"“{name}” is rare: {_share(count['test'], rows['test'])} of the test texts.")
    if len(findings) > TOLD:
        findings[TOLD - 1 :] = [f"{len(findings) - TOLD + 1:,} more labels are rare, missing or shared out otherwise."]
    findings = [*rare_in_words(audit), *findings]
    largest = max(labels["test"].values())
    of = "macro averages over all labels" if positive is None else f"of the label “{names[positive]}”"
    return Section(
        "Labels",
        f"Whoever always says the commonest label is right on {_share(largest, rows['test'])} of the test texts: no "
        "accuracy means much without this number. Worry about a rare label, since accuracy hardly sees it (look at F1, "
        f"here {of}), and about shares that differ by more than {100 * SHIFTED_LABELS:.0f} points between the splits.",
        Table(
            ["Label", *(head for word in splits.values() for head in (word, "Share"))], lines, "l" + "rr" * len(splits)
        ),
        findings,
    )


def lengths_section(audit: dict[str, Any]) -> Section:
    """Lengths in characters, words and WordPieces."""
    measures = {"characters": audit["characters"], "words": audit["words"]}
    measures |= {f"WordPieces of {name}": found["wordpieces"] for name, found in audit["vocabularies"].items()}
    lines = [
        [measure, word, *(f"{found[split][key]:,.0f}" for key in LENGTHS)]
        for measure, found in measures.items()
        for split, word in _splits(audit).items()
    ]
    medians = [audit["words"][split]["median"] for split in ("train", "test")]
    findings = []
    if max(medians) > LONGER * max(min(medians), 1):
        train, test = (f"{median:,.0f}" for median in medians)
        findings.append(f"Half of the training texts have up to {train} words, half of the test texts up to {test}.")
    return Section(
        "Lengths",
        "How long the texts are; WordPieces are the units that a BERT reads, without [CLS] and [SEP]. Worry where the "
        f"medians of the splits differ by more than {100 * (LONGER - 1):.0f} %: they are then different kinds of text.",
        Table(["Measure", "Split", *LENGTHS.values()], lines, "ll" + "r" * len(LENGTHS)),
        findings,
    )


def cut_section(audit: dict[str, Any]) -> Section:
    """Texts longer than what a row reads."""
    lines, findings, splits = [], [], _splits(audit)
    for vocabulary, found in audit["vocabularies"].items():
        for length, cut in found["cut"].items():
            lines.append([vocabulary, f"{int(length):,}", *(f"{100 * cut[split]:.1f} %" for split in splits)])
            if max(cut.values()) > MANY_CUT:
                findings.append(
                    f"At a length of {int(length):,}, {100 * cut['train']:.1f} % of the training texts and "
                    f"{100 * cut['test']:.1f} % of the test texts are cut (vocabulary {vocabulary})."
                )
    return Section(
        "Cut texts",
        "The share of texts that are longer than a row's length in WordPieces, [CLS] and [SEP] included. A BERT does "
        f"not see what is cut off; a linear baseline reads all. Worry above {100 * MANY_CUT:.0f} %: a larger length, "
        "or another end to cut, may then gain more than a larger model.",
        Table(
            ["Vocabulary", "Length", *(f"{word} texts cut" for word in splits.values())],
            lines,
            "lr" + "r" * len(splits),
        ),
        findings,
    )


def _splits(audit: dict[str, Any]) -> dict[str, str]:
    """The splits of the audit, and what they are called; a validation part that was drawn is none."""
    return {split: word for split, word in SPLITS.items() if split in audit["rows"]}


def _split_table(headers: Sequence[str], columns: Sequence[dict[str, Any]]) -> Table:
    lines = [
        [word, *(value if isinstance(value := column[split], str) else f"{value:,}" for column in columns)]
        for split, word in SPLITS.items()
        if split in columns[0]
    ]
    return Table(["Split", *headers], lines, "l" + "r" * len(headers))


def _counted(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
