"""The presets that KerasHub knows by name."""

from keras_hub.models import BertBackbone

from bert_ladder.runtime.jobs import BadInput


def preset_address(name: str) -> str:
    """Where KerasHub keeps one of its BERT presets.

    Returns:
        kaggle://owner/model/framework/variation/version

    Raises:
        BadInput: KerasHub has no BERT preset of this name.
    """
    presets = BertBackbone.presets
    if name not in presets:
        known = ", ".join(sorted(preset for preset in presets if preset.startswith("bert_")))
        raise BadInput(f"keras: KerasHub has no BERT preset '{name}'; it has {known} and more")
    return presets[name]["kaggle_handle"]
