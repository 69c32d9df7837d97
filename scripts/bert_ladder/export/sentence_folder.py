"""A chosen BERT that reads the mean of its tokens as sentence-transformers keeps it, with its head as a last module."""

from pathlib import Path

from bert_ladder.export.chosen_bert import open_chosen_bert
from bert_ladder.export.huggingface_folder import (
    calibrated_head,
    configuration,
    encoder_tensors,
    save_tensors,
    write_json,
    write_transformer,
)

# Reimers & Gurevych 2019 (arXiv 1908.10084): a text's vector is made by modules, one after the other.
MODULES = {"Transformer": "", "Pooling": "1_Pooling", "Dense": "2_Dense"}
# No module: this project does not have what it imports.
PROGRAM = '''\
"""The class of a text and the probabilities: python predict.py "a text" "another". Needs sentence-transformers."""

import json
import sys
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer


class Classifier:
    """The model of a folder. `labels` are its classes; a long text is cut as in the training."""

    def __init__(self, folder: Path = Path(__file__).parent) -> None:
        self.model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        names = json.loads((folder / "config.json").read_text(encoding="utf-8"))["id2label"]
        self.labels = [names[str(code)] for code in range(len(names))]

    def token_ids(self, text: str) -> list[int]:
        """The ids of a text; of one that is too long its head or its tail."""
        return self.model.tokenizer(text, truncation=True, max_length=self.model.max_seq_length)["input_ids"]

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """Calibrated probabilities of the classes, float32 (texts, classes)."""
        scores = self.model.encode(texts, show_progress_bar=False)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    texts = sys.argv[1:] or sys.exit(__doc__)
    model = Classifier()
    for text, found in zip(texts, model.probabilities(texts)):
        shown = {label: round(float(p), 4) for label, p in zip(model.labels, found)}
        line = {"label": model.labels[found.argmax()], "probabilities": shown, "text": text}
        print(json.dumps(line, ensure_ascii=False))
'''


def export_sentence_transformers(folder: Path | str, target: Path | str) -> None:
    """Write a chosen BERT as a folder of sentence-transformers, and predict.py beside it.

    Its modules are the encoder, the mean of a text's tokens, and the head: what SentenceTransformer.encode gives are
    the logits, divided by the temperature, of the classes that config.json names in `id2label`.

    Args:
        folder: chosen/ of a study.
        target: folder to write: the files of transformers' BertModel and its tokenizer, modules.json,
            sentence_bert_config.json, 1_Pooling, 2_Dense and predict.py.

    Raises:
        BadInput: see `open_chosen_bert`.
    """
    chosen = open_chosen_bert(folder, "sentence_transformers")
    target = Path(target)
    write_transformer(chosen, encoder_tensors(chosen), configuration(chosen) | {"architectures": ["BertModel"]}, target)
    modules = [
        {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for place, (kind, path) in enumerate(MODULES.items())
    ]
    write_json(target / "modules.json", modules)
    length, width = chosen.model.settings["length"], chosen.description["architecture"]["hidden_dim"]
    # The tokenizer folds case where the vocabulary wants it.
    write_json(target / "sentence_bert_config.json", {"max_seq_length": length, "do_lower_case": False})
    pooling, dense = target / MODULES["Pooling"], target / MODULES["Dense"]
    for part in (pooling, dense):
        part.mkdir(exist_ok=True)
    write_json(pooling / "config.json", {"word_embedding_dimension": width, "pooling_mode_mean_tokens": True})
    layer = {"in_features": width, "out_features": len(chosen.model.labels), "bias": True}
    write_json(dense / "config.json", layer | {"activation_function": "torch.nn.modules.linear.Identity"})
    save_tensors({f"linear.{part}": array for part, array in calibrated_head(chosen).items()}, dense)
    (target / "predict.py").write_text(PROGRAM, encoding="utf-8")
