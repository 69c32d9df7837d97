"""The settings of trainings: the schema's keys, each once and without a default of their own."""

import dataclasses

import pytest
import yaml

from bert_ladder.runtime.jobs import BadInput
from bert_ladder.study.settings import FitSettings, PretrainingSettings, TrainingSettings
from trainings import SETTINGS
from workspace import PROJECT

SCHEMA = yaml.safe_load((PROJECT / "schemas/config.schema.yaml").read_text())


@pytest.mark.parametrize(("settings", "name"), [(TrainingSettings, "training"), (PretrainingSettings, "pretraining")])
def test_fields_are_the_keys_of_the_schema(settings: type[FitSettings], name: str) -> None:
    """None is missing, none is more, and no default stands anywhere but in the schema."""
    assert settings.keys().keys() == SCHEMA["$defs"][name]["properties"].keys()
    for field in dataclasses.fields(settings):
        assert field.default is field.default_factory is dataclasses.MISSING


def test_settings_are_read_and_given_back_as_a_study_has_them() -> None:
    """A key that is a word of Python too keeps its name in the study; settings do not change."""
    settings = TrainingSettings.of(SETTINGS)
    assert settings.plain() == SETTINGS
    assert list(settings.plain()) == sorted(SETTINGS)
    values = {key: place for place, key in enumerate(PretrainingSettings.keys())}
    assert PretrainingSettings.of(values).start == values["from"]
    assert PretrainingSettings.of(values).plain() == values
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.epochs = 7


def test_unknown_and_missing_keys_are_refused_in_one_sentence() -> None:
    """Both are named."""
    values = {key: value for key, value in SETTINGS.items() if key != "epochs"} | {"epoch": 3}
    with pytest.raises(BadInput, match=r"TrainingSettings \(unknown: epoch; missing: epochs\); give the keys of"):
        TrainingSettings.of(values)
