"""build_row: the record of a row's folder; test_reruns.py shows what it is for."""

import json
from pathlib import Path
from types import SimpleNamespace

from build_row import main


def test_main_writes_the_record(tmp_path: Path) -> None:
    """As the study gives it."""
    row = {"name": "Nano", "encoder": "nano", "training": {"epochs": 1, "clipnorm": None}, "search": None}
    output = SimpleNamespace(record=tmp_path / "row.json")
    main(SimpleNamespace(params=SimpleNamespace(row=row), output=output))
    assert json.loads(output.record.read_text()) == row
