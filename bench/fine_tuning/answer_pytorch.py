"""Milliseconds of answers of BertForSequenceClassification, for compare_answers.py."""

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast
from work import SIZES, read_settings

BATCH, WARM_UP = 32, 8


def time_calls(predict: Callable[[list[str]], np.ndarray], inputs: list[list[str]], seconds: float) -> float:
    """Median milliseconds of a call, after some of all lengths."""
    by_length = sorted(inputs, key=lambda texts: max(map(len, texts)))
    for index in np.linspace(0, len(by_length) - 1, WARM_UP).round().astype(int):
        predict(by_length[index])
    taken: list[float] = []
    end = time.perf_counter() + seconds
    for texts in itertools.cycle(inputs):
        start = time.perf_counter()
        predict(texts)
        taken.append(time.perf_counter() - start)
        if time.perf_counter() > end:
            return 1000 * float(np.median(taken))
    raise AssertionError("there are no texts")


def main() -> None:
    given = read_settings()
    torch.set_num_threads(given["threads"])
    layers, hidden, heads = SIZES[given["size"]]
    tokenizer = BertTokenizerFast(given["vocabulary"])
    config = BertConfig(
        vocab_size=len(tokenizer), num_hidden_layers=layers, num_attention_heads=heads, hidden_size=hidden,
        intermediate_size=4 * hidden, num_labels=2,
    )  # fmt: skip
    model = BertForSequenceClassification(config).eval()

    def predict(texts: list[str]) -> np.ndarray:
        encoded = tokenizer(texts, padding=True, truncation=True, max_length=given["length"], return_tensors="pt")
        with torch.inference_mode():
            return torch.softmax(model(**encoded).logits, -1).numpy()

    texts = Path(given["texts"]).read_text(encoding="utf-8").splitlines()
    one = time_calls(predict, [[text] for text in texts], given["seconds"])
    batches = [texts[i : i + BATCH] for i in range(0, len(texts) - BATCH + 1, BATCH)]
    print(json.dumps({"one": one, "many": time_calls(predict, batches, given["seconds"])}))


if __name__ == "__main__":
    main()
