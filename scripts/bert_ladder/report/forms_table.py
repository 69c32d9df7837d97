"""The forms of a chosen model as a table: how each did on the test split."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bert_ladder.data.frames import rows_csv
from bert_ladder.evaluation.forms import FORMS

LEFT_OUT = ["other_ids_rows"]
NO_FORM = (
    "No form expresses this row (docs/forms.md says why); `bert-ladder predict` and `bert-ladder serve` answer with it."
)


def write_forms(content: Mapping[str, Any], path_csv: Path | str, path_markdown: Path | str) -> None:
    """Write forms.csv, one line per form with all numbers, and forms.md for people.

    Args:
        content: what forms.json holds.
        path_csv, path_markdown: files to write.
    """
    found = [{"form": form} | line for form, line in content["forms"].items()]
    lines = pd.DataFrame(found or {"form": []})
    Path(path_csv).write_text(rows_csv(lines.drop(columns=LEFT_OUT, errors="ignore")), encoding="utf-8")
    Path(path_markdown).write_text(forms_markdown(content), encoding="utf-8")


def forms_markdown(content: Mapping[str, Any]) -> str:
    """forms.md: what was asked, the table, and why a form is not proven."""
    source = content["source"]
    first = {
        "Form": "the run itself",
        "Test accuracy": with_interval(source["accuracy"], source["low"], source["high"]),
    }
    shown = pd.DataFrame([first, *(form_cells(form, line) for form, line in content["forms"].items())]).fillna("")
    reasons = [f"- {FORMS[form].title}: {line['reason']}." for form, line in content["forms"].items() if line["reason"]]
    title = f"# {source['row']}, seed {source['seed']}: its forms"
    if not content["forms"]:
        return f"{title}\n\n{NO_FORM}\n"
    paragraphs = [
        title,
        f"Each form has answered the {source['texts']:,} test texts in a process of its own that knows the form's "
        "folder and nothing else, and stands beside the run that it was made from. In percent and points, with "
        "95 % intervals; verdicts by McNemar's test after Holm's correction over the forms.",
        shown.to_markdown(index=False, disable_numparse=True),
        *(["\n".join(reasons)] if reasons else []),
    ]
    return "\n\n".join(paragraphs) + "\n"


def form_cells(form: str, line: Mapping[str, Any]) -> dict[str, str]:
    """A line of the table."""
    cells = {"Form": FORMS[form].title, "Proven": "yes" if line["proven"] else "no"}
    cells["MB"] = f"{line['megabytes']:,.1f}"
    if line["accuracy"] is None:
        return cells
    points = with_interval(line["difference"], line["difference_low"], line["difference_high"], sign="+")
    return cells | {
        "Test accuracy": with_interval(line["accuracy"], line["low"], line["high"]),
        "Against the run": f"{points}, {line['verdict']}",
        "Equal answers": f"{100 * line['equal_answers']:.2f}",
        "Largest difference": f"{line['largest_difference']:.1g}",
        "Texts with other ids": f"{line['other_ids']:,}",
        "ms/text": f"{line['ms_per_text']:.1f}",
        "texts/s": f"{line['texts_per_second']:,.0f}",
    }


def with_interval(value: float, low: float, high: float, sign: str = "") -> str:
    """A share in percent with its interval."""
    return f"{100 * value:{sign}.2f} [{100 * low:{sign}.1f}, {100 * high:{sign}.1f}]"
