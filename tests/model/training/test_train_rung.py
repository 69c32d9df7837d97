"""The first rung of a search that is halved."""

from pathlib import Path
from typing import Any

import pytest

from bert_ladder.runtime.jobs import BadInput
from halved import first_rung


def test_budget_of_less_than_a_step_is_refused(files: dict[str, Any], tmp_path: Path) -> None:
    """Before anything is trained, with the least that would do."""
    sentence = r"Row, trial with learning_rate 0.003, 5 % of its steps, seed 3: 0.05 of its 12 steps is less than one; "
    with pytest.raises(BadInput, match=sentence + r"set halving.smallest to 0.083334 or more."):
        first_rung(files, tmp_path / "first", 0.05)
    assert not (tmp_path / "first/history.csv").exists()
