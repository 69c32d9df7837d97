"""The same fine-tuning with transformers' BertForSequenceClassification, for compare_speed.py.

As a plain loop in PyTorch with the fused AdamW, or with Hugging Face's Trainer; each batch is padded to its longest
text, or to the fixed length.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import BertConfig, BertForSequenceClassification
from work import CLS, PAD, SIZES, Clock, product_rate, read_settings, read_texts

GIVEN, CLOCK = read_settings(), Clock()

FOLDER = Path(GIVEN["folder"]) / "theirs"
IS_MIXED = GIVEN["precision"] == "mixed_bfloat16"
RATE, DECAY, NORM = 1e-4, 0.01, 1.0


def prepare() -> None:
    """Write a model with random weights, as `from_pretrained` takes it."""
    layers, hidden, heads = SIZES[GIVEN["size"]]
    vocabulary = len(Path(GIVEN["vocabulary"]).read_text(encoding="utf-8").splitlines())
    config = BertConfig(
        vocab_size=vocabulary, num_hidden_layers=layers, num_attention_heads=heads, hidden_size=hidden,
        intermediate_size=4 * hidden, num_labels=2,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(FOLDER)


class Texts(torch.utils.data.Dataset):
    """Some of the texts."""

    def __init__(self, examples: np.ndarray, texts: list[np.ndarray], labels: np.ndarray):
        self.examples, self.texts, self.labels = examples, texts, labels

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        text = self.texts[self.examples[index]]
        return {"input_ids": text, "labels": int(self.labels[self.examples[index]]), "length": len(text)}


class Padded:
    """Puts texts into a batch, and counts the positions of it that are text."""

    def __init__(self) -> None:
        self.positions, self.real = 0, 0

    def __call__(self, items: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        longest = max(len(item["input_ids"]) for item in items)
        width = longest if GIVEN["batches"] != "fixed" else GIVEN["length"]
        ids = torch.full((len(items), width), PAD)
        for line, item in zip(ids, items, strict=True):
            line[: len(item["input_ids"])] = torch.from_numpy(item["input_ids"])
        mask = (ids != PAD).long()
        self.positions += ids.numel()
        self.real += int(mask.sum())
        return {
            "input_ids": ids, "attention_mask": mask, "labels": torch.tensor([item["labels"] for item in items])
        }  # fmt: skip


def autocast() -> Any:
    """16 bits where they are asked for."""
    return torch.autocast("cpu", torch.bfloat16, enabled=IS_MIXED)


def train_plainly(model: Any, data: Texts, collate: Padded) -> None:
    """The loop that people write."""
    loader = torch.utils.data.DataLoader(data, GIVEN["batch_size"], shuffle=True, collate_fn=collate)
    kept = [value for name, value in model.named_parameters() if "bias" in name or "LayerNorm" in name]
    decayed = [value for name, value in model.named_parameters() if not ("bias" in name or "LayerNorm" in name)]
    groups = [{"params": decayed, "weight_decay": DECAY}, {"params": kept, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, eps=1e-8, fused=True)
    model.train()
    CLOCK.end("build")
    for batch in loader:
        with autocast():
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), NORM)
        optimizer.step()
        optimizer.zero_grad()
        float(loss)
        CLOCK.step()


def train_with_trainer(model: Any, data: Texts, collate: Padded) -> None:
    """Hugging Face's Trainer."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class EachStep(TrainerCallback):
        def on_step_end(self, *arguments: Any, **more: Any) -> None:
            CLOCK.step()

    arguments = TrainingArguments(
        str(FOLDER / "trainer"), num_train_epochs=1, per_device_train_batch_size=GIVEN["batch_size"], use_cpu=True,
        optim="adamw_torch_fused", learning_rate=RATE, weight_decay=DECAY, max_grad_norm=NORM, bf16=IS_MIXED,
        lr_scheduler_type="constant", save_strategy="no", eval_strategy="no", report_to=[], disable_tqdm=True,
        logging_strategy="no", remove_unused_columns=False, length_column_name="length",
        train_sampling_strategy="group_by_length" if GIVEN["batches"] == "grouped" else "random",
    )  # fmt: skip
    trainer = Trainer(model, arguments, data_collator=collate, train_dataset=data, callbacks=[EachStep()])
    CLOCK.end("build")
    trainer.train()


def measure(model: Any, data: Texts) -> None:
    """Predict the validation part."""
    loader = torch.utils.data.DataLoader(data, 64, collate_fn=Padded())
    model.eval()
    with torch.inference_mode(), autocast():
        for batch in loader:
            model(**batch).logits.argmax(-1)


def main() -> None:
    if GIVEN.get("prepare"):
        prepare()
        return
    torch.set_num_threads(GIVEN["threads"])
    torch.manual_seed(1)
    CLOCK.end("import")
    texts, labels, is_validation = read_texts(GIVEN["folder"], GIVEN["length"])
    assert texts[0][0] == CLS
    train, validation = (Texts(np.flatnonzero(part), texts, labels) for part in (~is_validation, is_validation))
    model = BertForSequenceClassification.from_pretrained(FOLDER)
    collate = Padded()
    (train_with_trainer if GIVEN["side"] == "trainer" else train_plainly)(model, train, collate)
    measure(model, validation)
    CLOCK.end("train and measure")
    model.save_pretrained(FOLDER / "trained")
    CLOCK.end("save")
    dtype = torch.bfloat16 if IS_MIXED else torch.float32

    def product(a: np.ndarray, b: np.ndarray) -> Any:
        a, b = (torch.from_numpy(one).to(dtype) for one in (a, b))
        return lambda: float((a @ b)[0, 0])

    CLOCK.tell(product_rate=product_rate(product), real=collate.real, positions=collate.positions)


if __name__ == "__main__":
    main()
