"""What a program of one's own needs of a chosen model: `load(folder).predict(texts)`."""

from bert_ladder.export.loading import load

__all__ = ["load"]
