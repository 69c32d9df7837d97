"""A loop like transformers' run_mlm_no_trainer.py for some steps, for compare_speed.py."""

import itertools
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertTokenizerFast,
    DataCollatorForLanguageModeling,
    get_linear_schedule_with_warmup,
)

SETTINGS = json.loads(sys.argv[1])
DEVICE = {"cpu": "cpu", "gpu": "cuda"}[SETTINGS["device"]]
IS_MIXED = SETTINGS["precision"] == "mixed_bfloat16"
WARM_UP = 3


def packed(tokenizer: BertTokenizerFast, length: int, count: int) -> list[list[int]]:
    """Texts with their special tokens, one after the other, cut into sequences, as run_mlm's `group_texts` does."""
    folder = Path(SETTINGS["tokens"])
    ids, offsets = np.load(folder / "train.ids.npy", mmap_mode="r"), np.load(folder / "train.offsets.npy")
    stream: list[int] = []
    for start, stop in itertools.pairwise(offsets):
        stream += [tokenizer.cls_token_id, *ids[start:stop].tolist(), tokenizer.sep_token_id]
        if len(stream) >= length * count:
            break
    return [stream[i : i + length] for i in range(0, length * count, length)]


def product_rate(repeats: int = 5) -> float:
    """Operations per second of the fastest of some products of square matrices."""
    size = {"cpu": 2048, "cuda": 8192}[DEVICE]
    a, b = (torch.randn(size, size).to(DEVICE, torch.bfloat16 if IS_MIXED else torch.float32) for _ in range(2))
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        # One number of it, so that the product is done and hardly anything else is waited for.
        float((a @ b)[0, 0])
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


def main() -> None:
    layers, hidden, length, batch_size, steps, threads = (
        int(SETTINGS[key]) for key in ("layers", "hidden", "length", "batch_size", "steps", "threads")
    )
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    tokenizer = BertTokenizerFast(SETTINGS["vocabulary"])
    sequences = packed(tokenizer, length, batch_size * steps)
    collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
    loader = DataLoader(
        [{"input_ids": one} for one in sequences], batch_size=batch_size, shuffle=True, collate_fn=collate
    )
    model = BertForMaskedLM(
        BertConfig(
            vocab_size=len(tokenizer), num_hidden_layers=layers, num_attention_heads=max(1, hidden // 64),
            hidden_size=hidden, intermediate_size=4 * hidden,
        )
    ).to(DEVICE).train()  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01)
    schedule = get_linear_schedule_with_warmup(optimizer, steps // 10, steps)
    total = torch.zeros((), device=DEVICE)
    for step, batch in enumerate(loader):
        if step == WARM_UP:
            float(total)  # what was begun on a GPU is done
            start = time.perf_counter()
        with torch.autocast(DEVICE, torch.bfloat16, enabled=IS_MIXED):
            loss = model(**batch.to(DEVICE)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += loss.detach().float()
    loss = float(total) / steps
    seconds = time.perf_counter() - start
    speed = batch_size * length * (steps - WARM_UP) / seconds
    print(json.dumps({"tokens_per_second": speed, "product_rate": product_rate(), "loss": loss}))


if __name__ == "__main__":
    main()
