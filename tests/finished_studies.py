"""The numbers of finished studies, as sentences and choices are made of them."""

from typing import Any

import numpy as np
import pandas as pd

from bert_ladder.report.results import Results

# name: kind, parameters, validation mean, its standard error, test mean, milliseconds
ROWS = {
    "Linear": ("baseline", 1_000, 0.80, 0.010, 0.81, 0.1),
    "Small": ("bert", 4_000, 0.889, 0.010, 0.88, 2.0),
    "Large": ("bert", 9_000, 0.895, 0.010, 0.89, 9.0),
}
VERDICTS = {("Linear", "Small"): "worse", ("Linear", "Large"): "worse", ("Small", "Large"): "not separable"}


def study(rows: dict = ROWS, verdicts: dict = VERDICTS, scope: str = "seeds and examples", **columns: Any) -> Results:
    """A study whose numbers are given."""
    table = pd.DataFrame(
        {
            "model": name,
            "kind": kind,
            "parameters": parameters,
            "seeds": 1 if kind == "baseline" else 3,
            "test_accuracy": test,
            "test_accuracy_low": test - 0.01,
            "test_accuracy_high": test + 0.01,
            "clean_accuracy": test - 0.002,
            "latency_ms": cost,
            "processor": "A",
            "cores": 4,
            "threads": 4,
            "other_load": 0.2,
            "throughput_spread": 0.1,
            "interval": scope if kind == "bert" else "wilson",
            "majority_class": "neg",
            "constant_accuracy": 0.5,
            "constant_f1": 2 / 3,
            "constant_runs": 0,
            "constant_class": "",
            "n_validation": 500,
        }
        for name, (kind, parameters, _, _, test, cost) in rows.items()
    ).assign(**columns)
    comparison = pd.DataFrame(
        {"model": name, "metric": metric, "mean": mean, "se": se}
        for name, (_, _, mean, se, _, _) in rows.items()
        for metric in ("validation_accuracy", "validation_f1")
    )
    pairs = pd.DataFrame(
        {
            "model_a": a,
            "model_b": b,
            "difference": rows[a][4] - rows[b][4],
            "low": rows[a][4] - rows[b][4] - 0.01,
            "high": rows[a][4] - rows[b][4] + 0.01,
            "p_value": 0.001,
            "p_holm": 0.3 if verdict == "not separable" else 0.002,
            "scope": scope,
            "verdict": verdict,
            "seeds_a": 3,
            "seeds_b": 3,
            "seeds_needed": 11 if verdict == "not separable" else np.nan,
            "examples_needed": np.nan,
        }
        for (a, b), verdict in verdicts.items()
    )
    pairs = pairs.reindex(columns=pairs.columns if len(pairs) else ["model_a", "model_b", "scope", "verdict"])
    return Results(table, comparison, pairs, "accuracy")
