"""Fixtures of the tests that build models: TensorFlow is set up as a training job sets it up."""

from collections.abc import Callable
from typing import Any

import pytest

from bert_ladder.runtime.checkpoints import Checkpoints
from bert_ladder.runtime.devices import set_up_device
from trainings import Killed

set_up_device(threads=2)


@pytest.fixture
def killed_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets a training die right after a number of checkpoints."""
    save = Checkpoints.save

    def set_up(saves: int) -> None:
        left = iter(range(saves - 1, -1, -1))

        def saving(self: Checkpoints, *arguments: Any) -> None:
            save(self, *arguments)
            if next(left, None) == 0:
                raise Killed

        monkeypatch.setattr(Checkpoints, "save", saving)

    return set_up
