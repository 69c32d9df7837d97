"""Which row of a finished study is handed over: the one that its summary recommends, or that the study names."""

from dataclasses import dataclass

from bert_ladder.report.findings import best_lines, cheap_row, cost_lines, nothing_concluded
from bert_ladder.report.results import Results


@dataclass(frozen=True)
class Choice:
    """The row that is taken.

    Attributes:
        row: its name.
        by: "accuracy" or "f1", the metric of the comparison; "cost"; or "name".
        why: in a sentence or more, as the summary says it.
    """

    row: str
    by: str
    why: str


def choose_row(results: Results, wanted: str) -> Choice:
    """The row that is handed over.

    Args:
        results: the numbers of the study.
        wanted: "accuracy", "cost", or a row's name.
    """
    rows = results.table.index.tolist()
    best = results.best(rows)
    if wanted in rows:
        reached = f"{results.measured(wanted)} {results.metric.name}"
        return Choice(wanted, "name", f"The study names “{wanted}”: on the test split it reaches {reached}.")
    doubt = nothing_concluded(results, best)
    said = [doubt or " ".join(best_lines(results, best))]
    if doubt:
        said.append(f"“{best}”, which has the highest mean on the validation part, is handed over all the same.")
    if wanted == "cost" and len(rows) > 1:
        cheap = None if doubt else cheap_row(results, best)
        for_cost = ["For cost no row is named."] if doubt else cost_lines(results, best)
        if cheap:
            return Choice(cheap, "cost", " ".join(for_cost))
        said += for_cost
        said.append(f"So the best for {results.metric.name} is taken.")
    return Choice(best, results.metric.name.lower(), " ".join(said))
