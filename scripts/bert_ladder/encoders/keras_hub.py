"""A BERT as KerasHub saves it: a preset's config.json, model.weights.h5 and tokenizer."""

from pathlib import Path
from typing import Any

from bert_ladder.data.wordpiece import read_vocabulary
from bert_ladder.encoders.backbones import OWN_KEYS, backbone_tensors, load_encoder
from bert_ladder.encoders.bert_tensors import PublishedEncoder, config_architecture, read_config
from bert_ladder.runtime.jobs import BadInput


def read_preset(folder: Path) -> PublishedEncoder:
    """Read a KerasHub preset. Its BERTs use the tanh form of GELU.

    Only its sizes and files are read: KerasHub itself builds whatever classes the configurations name.

    Args:
        folder: as save_to_preset writes it; a preset without a tokenizer has no vocabulary.

    Raises:
        BadInput: if it is damaged or not of a BertBackbone.
    """
    config = preset_config(folder / "config.json", "BertBackbone")
    sizes = config_architecture(config, folder / "config.json", OWN_KEYS)
    architecture = sizes | {"gelu": "tanh"}
    weights = folder / "model.weights.h5"
    if not weights.is_file():
        raise BadInput(f"{weights}: is missing; bring it along with the configuration.")
    lower_case = vocabulary = None
    path = folder / "tokenizer.json"
    if path.is_file():
        lower_case = preset_config(path, "BertTokenizer").get("lowercase")
        if not isinstance(lower_case, bool):
            raise BadInput(f"{path}: lowercase is {lower_case!r:.40}; write true or false.")
        vocabulary = preset_vocabulary(folder)
    return PublishedEncoder(architecture, lower_case, vocabulary, backbone_tensors(load_encoder(architecture, weights)))


def preset_config(path: Path, name: str) -> dict[str, Any]:
    """The arguments of a preset's object, which must be of the class `name`.

    Raises:
        BadInput: if it is of another class or has none.
    """
    config = read_config(path)
    found = config.get("class_name")
    if found != name:
        raise BadInput(f"{path}: is of {found!r:.40}, not of a {name}; name a preset of BERT.")
    if not isinstance(config.get("config"), dict):
        raise BadInput(f"{path}: holds no 'config'; fetch it again.")
    return config["config"]


def preset_vocabulary(folder: Path) -> list[str]:
    """The WordPieces of a preset's tokenizer.

    Raises:
        BadInput: if they are missing or none.
    """
    path = folder / "assets" / "tokenizer" / "vocabulary.txt"
    if not path.is_file():
        raise BadInput(f"{path}: is missing; bring the whole preset.")
    return read_vocabulary(path)
