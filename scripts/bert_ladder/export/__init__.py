"""The chosen model and its forms. `from bert_ladder.export import load` opens one."""

from typing import Any


def __getattr__(name: str) -> Any:
    # Only whoever asks for it waits for what it imports, and only their code depends on it (PEP 562).
    if name == "load":
        from bert_ladder.export.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
