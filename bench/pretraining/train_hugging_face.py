"""A loop like transformers' run_mlm_no_trainer.py for some steps, for compare_speed.py."""

import json
import sys
import time

import pyarrow.parquet as pq
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
WARM_UP = 3


def packed(tokenizer: BertTokenizerFast, length: int, count: int) -> list[list[int]]:
    """Texts with their special tokens, one after the other, cut into sequences, as run_mlm's `group_texts` does."""
    ids: list[int] = []
    for batch in pq.ParquetFile(SETTINGS["texts"]).iter_batches(1000, columns=["DATA_COLUMN"]):
        for one in tokenizer(batch.column(0).to_pylist())["input_ids"]:
            ids += one
        if len(ids) >= length * count:
            break
    return [ids[i : i + length] for i in range(0, length * count, length)]


def product_rate(size: int = 2048, repeats: int = 5) -> float:
    """Operations per second of the fastest of some products of square matrices."""
    a, b = torch.rand(size, size), torch.rand(size, size)
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        float((a @ b).sum())
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
    ).train()  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01)
    schedule = get_linear_schedule_with_warmup(optimizer, steps // 10, steps)
    losses = []
    for step, batch in enumerate(loader):
        if step == WARM_UP:
            start = time.perf_counter()
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    seconds = time.perf_counter() - start
    print(
        json.dumps(
            {
                "tokens_per_second": batch_size * length * (steps - WARM_UP) / seconds,
                "product_rate": product_rate(),
                "loss": sum(losses) / len(losses),
            }
        )
    )


if __name__ == "__main__":
    main()
