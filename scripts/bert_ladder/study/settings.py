"""The settings of trainings. Plain Python; no key has a default here, since all defaults stand in the schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from bert_ladder.runtime.jobs import BadInput


@dataclass(frozen=True)
class FitSettings:
    """What fine-tuning and pre-training share; schemas/config.schema.yaml describes each key."""

    length: int
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    epsilon: float
    clipnorm: float | None
    global_clipnorm: float | None
    weight_decay: float
    momentum: float
    schedule: str
    warmup_fraction: float
    encoder_dropout: float
    precision: str
    xla: bool

    @classmethod
    def keys(cls) -> dict[str, str]:
        """The keys of a study and the names of the fields that hold them."""
        return {one.metadata.get("key", one.name): one.name for one in fields(cls)}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Take settings over from a study whose defaults are filled in.

        Raises:
            BadInput: for a key that there is not, or one that is missing.
        """
        keys = cls.keys()
        unknown, missing = sorted(values.keys() - keys.keys()), sorted(keys.keys() - values.keys())
        if unknown or missing:
            found = {"unknown": unknown, "missing": missing}
            words = "; ".join(f"{word}: {', '.join(names)}" for word, names in found.items() if names)
            raise BadInput(f"the settings are not those of {cls.__name__} ({words}); give the keys of the schema.")
        return cls(**{keys[key]: value for key, value in values.items()})

    def plain(self) -> dict[str, Any]:
        """The settings as a study has them, in the order of their keys."""
        keys = self.keys()
        return {key: getattr(self, keys[key]) for key in sorted(keys)}


@dataclass(frozen=True)
class TrainingSettings(FitSettings):
    """The settings of a fine-tuning: the keys of `training:`."""

    validation_fraction: float | None  # None: the validation part is a file of its own
    class_weight: str | Mapping[str, float] | None
    truncation: str
    length_buckets: bool
    dropout: float
    pooling: str
    keep: str
    monitor: str
    patience: int | None


def monitors_f1(settings: Mapping[str, Any]) -> bool:
    """Whether a training with these settings looks at F1 while it runs."""
    return settings["monitor"] == "validation_f1" and (settings["keep"] == "best" or bool(settings["patience"]))


@dataclass(frozen=True)
class PretrainingSettings(FitSettings):
    """The settings of a pre-training: the keys of `pretrain:` in an encoder."""

    start: str = field(metadata={"key": "from"})  # the key is a keyword of Python
    text: Sequence[str]
    seed: int
    validation_fraction: float
    masked_fraction: float
    whole_words: bool
    next_sentence: bool
    bag_of_words: bool
    gradient_accumulation: int
