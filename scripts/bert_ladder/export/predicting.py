"""Answers every row of a file, in memory that does not grow with it."""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from bert_ladder.export.explaining import important_words
from bert_ladder.export.loading import Classifier
from bert_ladder.export.outputs import check_added, form_of_output, open_writer, standard_output, whole_file
from bert_ladder.export.sources import Chunk, GivenFile, Source, open_source
from bert_ladder.runtime.jobs import BadInput

PREDICTION, BECAUSE = "prediction", "because"
NAMED = 5  # rows in a sentence


@dataclass(frozen=True)
class Wanted:
    """What to do with a file.

    Attributes:
        output: the file to write; None: the standard output.
        force: whether one that is there is replaced.
        skip_broken: whether broken rows are left out and counted.
        explain: whether to add the words that each answer rests on.
        quiet: whether to say nothing of how far it is.
        model: the folder of the model; none of its files is replaced.
    """

    output: Path | None = None
    force: bool = False
    skip_broken: bool = False
    explain: bool = False
    quiet: bool = False
    model: Path | None = None


@dataclass
class Outcome:
    """What became of a file.

    Attributes:
        answers: rows by their label; None: those that were not answered.
        broken: rows that were left out.
        named: what the first of them are called, and what is wrong with them.
    """

    answers: Counter[str | None] = field(default_factory=Counter)
    broken: int = 0
    named: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many were written."""
        return self.answers.total()

    def sentence(self) -> str:
        """The outcome in words."""
        answers = [
            f"{count:,} {'not answered' if label is None else label}" for label, count in self.answers.most_common()
        ]
        said = f"{self.rows:,} {'row' if self.rows == 1 else 'rows'}: {', '.join(answers)}"
        if self.broken:
            more = f"\n  … and {self.broken - len(self.named):,} more" if self.broken > len(self.named) else ""
            said += f"; {self.broken:,} broken left out:\n  " + "\n  ".join(self.named) + more
        return said


def predict_file(model: Callable[[], Classifier], file: GivenFile, wanted: Wanted) -> Outcome:
    """Write the rows of a file with `prediction` and `probability_<label>` beside their own columns.

    Args:
        model: opens the model, once the file is known to be usable.
        file: to predict.
        wanted: what to do with it.

    Raises:
        BadInput: the file or a row is not usable, or the output may not be written; nothing is written then but
            to the standard output.
    """
    if wanted.output is not None:
        check_output(wanted.output, file.path, wanted)
    with tempfile.TemporaryDirectory(prefix="bert-ladder-") as scratch:
        source = open_source(file, Path(scratch))
        form, packed = form_of_output(wanted.output, source)
        opened = model()
        added = [PREDICTION, *opened.probability_columns(), *([BECAUSE] if wanted.explain else [])]
        check_added(source, added)
        outcome = Outcome()
        target: AbstractContextManager[IO[bytes]] = (
            standard_output() if wanted.output is None else whole_file(wanted.output)
        )
        with target as stream, open_writer(stream, form, packed, source, added) as writer:
            for chunk in _progressing(source, _broken(outcome, wanted.skip_broken), wanted):
                _check_objects(source, chunk, added)
                columns = answers(opened, chunk.texts, wanted.explain)
                outcome.answers.update(columns[PREDICTION])
                writer.write(chunk, columns)
            if not outcome.rows:
                raise BadInput(
                    f"{source.path}: all {outcome.broken:,} rows are broken, such as {outcome.named[0]}"
                    if outcome.broken
                    else f"{source.path}: has no rows; give a file with texts."
                )
        return outcome


def check_output(output: Path, given: Path, wanted: Wanted) -> None:
    """Refuse to write over something.

    Raises:
        BadInput: the output is the input, a folder, a file of the model, or one that is there and not to be replaced.
    """
    if output.is_dir():
        raise BadInput(f"{output}: is a folder; name a file in it.")
    if output.exists() and given.exists() and output.samefile(given):
        raise BadInput(f"{output}: is the file that is read; give the predictions another name.")
    if output.exists() and wanted.model is not None and wanted.model.resolve() in output.resolve().parents:
        raise BadInput(f"{output}: is a file in the folder of the model; give the predictions another place.")
    if output.exists() and not wanted.force:
        raise BadInput(f"{output}: is there already; give another name, or --force to replace it.")
    if not output.parent.is_dir():
        raise BadInput(f"{output}: there is no folder {output.parent}; create it first.")


def answers(model: Classifier, texts: list[str], explain: bool) -> dict[str, list[Any]]:
    """The columns that are added to some rows, by their names."""
    probabilities = model.probabilities(texts)
    columns: dict[str, list[Any]] = {PREDICTION: list(model.decide(probabilities))}
    columns |= dict(zip(model.probability_columns(), probabilities.T.tolist(), strict=True))
    if explain:
        columns[BECAUSE] = [
            " ".join(word for word, _ in important_words(model, text, code))
            for text, code in zip(texts, model.forced(probabilities), strict=True)
        ]
    return columns


def _broken(outcome: Outcome, skip: bool) -> Callable[[BadInput], None]:
    def take(error: BadInput) -> None:
        if not skip:
            raise BadInput(f"{str(error).rstrip('.')}; or leave such rows out with --skip-broken.") from error
        outcome.broken += 1
        if len(outcome.named) < NAMED:
            outcome.named.append(str(error))

    return take


def _check_objects(source: Source, chunk: Chunk, added: list[str]) -> None:
    """Objects may have other keys than the first ones."""
    if source.form in ("json", "jsonl"):
        taken = next((name for row in chunk.rows for name in added if name in row), None)
        if taken is not None:
            raise BadInput(f"{source.path}: a row has {taken!r} already, which would be written; rename or remove it.")


def _progressing(source: Source, broken: Callable[[BadInput], None], wanted: Wanted) -> Iterator[Chunk]:
    """The chunks of a source; a terminal sees how far they are and how long the rest will take."""
    rows_are_shown = wanted.output is None and sys.stdout.isatty()
    with tqdm(
        total=source.total,
        unit=source.unit,
        unit_scale=True,
        desc=source.path.name,
        disable=True if wanted.quiet or rows_are_shown else None,  # None: unless there is a terminal
        leave=False,
    ) as bar:
        for chunk in source.chunks(broken):
            yield chunk
            bar.update(source.position() - bar.n)
