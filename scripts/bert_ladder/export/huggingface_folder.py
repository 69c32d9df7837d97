"""A chosen encoder as Hugging Face's transformers keeps it: the classifier of its family and its tokenizer."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from bert_ladder.encoders.backbones import backbone_tensors
from bert_ladder.encoders.bert_tensors import CONFIG_KEYS
from bert_ladder.encoders.huggingface import transformers_names
from bert_ladder.export.chosen_bert import ChosenBert, open_chosen_bert
from bert_ladder.export.fast_tokenizer import fast_tokenizer
from bert_ladder.export.transformers_classifier import ACTIVATIONS, classifier_configuration, classifier_tensors
from bert_ladder.study.families import BERT, TOKENIZER_JSON

# Which end of a long text is cut off.
TRUNCATION_SIDES = {"head": "right", "tail": "left"}
SPECIAL = {"pad": "pad_token", "unknown": "unk_token", "start": "cls_token", "end": "sep_token", "mask": "mask_token"}
# No module: this project does not have what it imports.
PROGRAM = '''\
"""The class of a text and the probabilities: python predict.py "a text" "another". Needs transformers and torch."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer


class Classifier:
    """The model of a folder. `labels` are its classes; a long text is cut as in the training."""

    def __init__(self, folder: Path = Path(__file__).parent) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        self.labels = [self.model.config.id2label[code] for code in range(self.model.config.num_labels)]

    def token_ids(self, text: str) -> list[int]:
        """The ids of a text; of one that is too long its head or its tail."""
        return self.tokenizer(text, truncation=True)["input_ids"]

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """Calibrated probabilities of the classes, float32 (texts, classes)."""
        batch = self.tokenizer(texts, truncation=True, padding=True, return_tensors="pt")
        with torch.inference_mode():
            return self.model(**batch).logits.softmax(dim=-1).numpy()


if __name__ == "__main__":
    texts = sys.argv[1:] or sys.exit(__doc__)
    model = Classifier()
    for text, found in zip(texts, model.probabilities(texts)):
        shown = {label: round(float(p), 4) for label, p in zip(model.labels, found)}
        line = {"label": model.labels[found.argmax()], "probabilities": shown, "text": text}
        print(json.dumps(line, ensure_ascii=False))
'''


def export_huggingface(folder: Path | str, target: Path | str) -> None:
    """Write a chosen BERT as a folder of transformers, and predict.py beside it.

    Kernel and bias of the head are divided by the temperature, so that the softmax of the logits is calibrated.

    Args:
        folder: chosen/ of a study.
        target: folder to write: config.json, model.safetensors, vocab.txt, tokenizer.json, tokenizer_config.json,
            special_tokens_map.json and predict.py.

    Raises:
        BadInput: see `open_chosen_bert`.
    """
    chosen = open_chosen_bert(folder, "huggingface")
    if chosen.model.family == BERT:
        head = {f"classifier.{part}": array for part, array in calibrated_head(chosen).items()}
        tensors = {f"bert.{name}": array for name, array in encoder_tensors(chosen).items()} | head
        config = configuration(chosen) | {
            "architectures": ["BertForSequenceClassification"],
            "classifier_dropout": chosen.model.settings.get("dropout", 0.0),
        }
    else:
        tensors, config = classifier_tensors(chosen), classifier_configuration(chosen) | of_all_families(chosen)
    config |= {"problem_type": "single_label_classification"}
    write_transformer(chosen, tensors, config, Path(target))
    Path(target, "predict.py").write_text(PROGRAM, encoding="utf-8")


def write_transformer(chosen: ChosenBert, tensors: dict[str, np.ndarray], config: dict[str, Any], target: Path) -> None:
    """Write a folder that transformers loads: weights, config.json and tokenizer."""
    target.mkdir(parents=True, exist_ok=True)
    save_tensors(tensors, target)
    tokens = {theirs: chosen.description["tokenizer"]["special"][ours] for ours, theirs in SPECIAL.items()}
    write_json(target / "config.json", config)
    write_json(target / "special_tokens_map.json", tokens)
    write_json(target / "tokenizer_config.json", tokens | tokenizer_configuration(chosen))
    (file,) = chosen.files.tokenizer_files(chosen.description["tokenizer"]).values()
    if file.name == TOKENIZER_JSON:
        shutil.copyfile(file, target / TOKENIZER_JSON)
    else:
        (target / "vocab.txt").write_text("".join(f"{piece}\n" for piece in chosen.pieces), encoding="utf-8")
        fast_tokenizer(chosen.pieces, chosen.description["lower_case"]).save(str(target / TOKENIZER_JSON))


def save_tensors(tensors: dict[str, np.ndarray], target: Path) -> None:
    """Write model.safetensors."""
    # safetensors writes an array's memory, whatever its order.
    whole = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    save_file(whole, target / "model.safetensors", metadata={"format": "pt"})


def encoder_tensors(chosen: ChosenBert) -> dict[str, np.ndarray]:
    """The encoder's weights by the names of transformers' BertModel, float32; its kernels are (outputs, inputs)."""
    found = {}
    for name, array in backbone_tensors(chosen.encoder.backbone).items():
        theirs, *_ = transformers_names(name)
        found[theirs] = array.T if name.endswith("/kernel") else array
    return found


def calibrated_head(chosen: ChosenBert) -> dict[str, np.ndarray]:
    """`weight`, (classes, hidden), and `bias` of the head, divided by the temperature."""
    kernel, bias = chosen.classifier.get_layer("logits").get_weights()
    head = {"weight": kernel.T, "bias": bias}
    return {part: (array / chosen.model.temperature).astype(np.float32) for part, array in head.items()}


def configuration(chosen: ChosenBert) -> dict[str, Any]:
    """config.json of a BERT but for the name of the architecture; one that was read frozen has no dropout."""
    architecture = chosen.description["architecture"]
    return {
        "model_type": "bert",
        **{theirs: architecture[ours] for ours, theirs in CONFIG_KEYS.items()},
        "hidden_act": ACTIVATIONS[architecture.get("gelu", "tanh")],
        "layer_norm_eps": 1e-12,
        "position_embedding_type": "absolute",
        "hidden_dropout_prob": chosen.model.settings.get("encoder_dropout", 0.0),
        "attention_probs_dropout_prob": chosen.model.settings.get("encoder_dropout", 0.0),
        "initializer_range": 0.02,
        **of_all_families(chosen),
    }


def of_all_families(chosen: ChosenBert) -> dict[str, Any]:
    """What config.json has whatever the family."""
    labels = list(chosen.model.labels)
    return {
        "pad_token_id": chosen.vocabulary.pad,
        "id2label": {str(code): label for code, label in enumerate(labels)},
        "label2id": {label: code for code, label in enumerate(labels)},
        "torch_dtype": "float32",
    }


def tokenizer_configuration(chosen: ChosenBert) -> dict[str, Any]:
    """tokenizer_config.json but for the special tokens.

    The class is the one that takes tokenizer.json as it is; BertTokenizer would put its own normalization in its place.
    """
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "do_lower_case": chosen.description["lower_case"],
        "model_max_length": chosen.model.settings["length"],
        "truncation_side": TRUNCATION_SIDES[chosen.model.settings["truncation"]],
        "padding_side": "right",
        # A text that spells [SEP] out is a text: in the training it is no end.
        "split_special_tokens": True,
        "model_input_names": ["input_ids", *["token_type_ids"] * (chosen.encoder.segments > 1), "attention_mask"],
    }


def write_json(file: Path, content: Any) -> None:
    """Write a JSON file."""
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
