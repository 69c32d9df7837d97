"""Where an encoder in normal form lies. Plain Python."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bert_ladder.runtime.jobs import BadInput


@dataclass(frozen=True)
class EncoderFiles:
    """The files of an encoder in normal form.

    Attributes:
        config: encoder.json.
        weights: encoder.weights.h5; or the model.weights.h5 of a classifier on that encoder.
        tokenizer: the files that encoder.json names.
    """

    config: Path
    weights: Path
    tokenizer: tuple[Path, ...]

    @classmethod
    def of(cls, paths: Mapping[str, Any]) -> "EncoderFiles":
        """From the `config`, `weights` and `vocabulary` (a file, or several) of a rule."""
        vocabulary = paths["vocabulary"]
        files = [vocabulary] if isinstance(vocabulary, str | Path) else vocabulary
        return cls(Path(paths["config"]), Path(paths["weights"]), tuple(map(Path, files)))

    def tokenizer_files(self, tokenizer: Mapping[str, Any]) -> dict[str, Path]:
        """The tokenizer's files by their names in encoder.json.

        Raises:
            BadInput: if one of them is not there.
        """
        by_name = {file.name: file for file in self.tokenizer}
        missing = [name for name in tokenizer["files"] if name not in by_name]
        if missing:
            raise BadInput(f"{self.config}: its tokenizer's {', '.join(missing)} is missing; bring it along.")
        return {name: by_name[name] for name in tokenizer["files"]}
