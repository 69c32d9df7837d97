"""How far a training is, in a file for those who watch."""

import json
from pathlib import Path

from bert_ladder.runtime.progress import ProgressFile, progress_file


def test_newest_state_is_there_as_a_whole(tmp_path: Path) -> None:
    """Beside the log, hidden, and nothing else is left."""
    log = tmp_path / "train_model.log"
    file = ProgressFile(log)
    file.write({"step": 1, "ended": {}})
    file.write({"step": 2, "ended": {}})
    assert json.loads(progress_file(log).read_text()) == {"step": 2, "ended": {}}
    assert [path.name for path in tmp_path.iterdir()] == [".train_model.log.progress"]


def test_nobody_watches(tmp_path: Path) -> None:
    """Without a log, or where nothing can be written, a training goes on."""
    ProgressFile(None).write({"step": 1})
    ProgressFile(tmp_path / "missing/train_model.log").write({"step": 1})
    assert not list(tmp_path.iterdir())
