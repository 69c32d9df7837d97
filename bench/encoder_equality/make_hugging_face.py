"""Write the tests' fixture of Hugging Face models and the outputs transformers gives for them.

Runs in the environment of hugging_face.in (see README.md).
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from packing import pack
from seeded import DEVIATIONS, SEEDS, SMALL, kept_outputs, seeded_batches, small_vocabulary
from transformers import BertConfig, BertForPreTraining, BertModel, BertTokenizer

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures" / "encoders"
ACTIVATIONS = {"erf": "gelu", "tanh": "gelu_new"}
SIZES = {key: value for key, value in SMALL.items() if key != "hidden_act"}


def make_model(deviation: float, seed: int) -> BertForPreTraining:
    """Draw a model: normal around 0, layer norms around 1, in float32 with the precision of bfloat16."""
    torch.manual_seed(seed)
    model = BertForPreTraining(BertConfig(**SIZES)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(float("LayerNorm.weight" in name), deviation)
            parameter.copy_(parameter.bfloat16().float())
    return model


def called(model: BertModel) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(pooled, sequence) of every batch."""
    outputs = {}
    for name, batch in seeded_batches(model.config.vocab_size).items():
        ids, mask, types = (torch.tensor(batch[f"input_{key}"]) for key in ("word_ids", "mask", "type_ids"))
        with torch.no_grad():
            output = model(input_ids=ids, attention_mask=mask, token_type_ids=types)
        outputs[name] = (output.pooler_output.numpy(), output.last_hidden_state.numpy())
    return outputs


def save_torch(value: dict, folder: Path, name: str) -> None:
    """Save with torch.save, today's way and the way before PyTorch 1.6."""
    torch.save(value, folder / f"{name}_zip.bin")
    torch.save(value, folder / f"{name}_legacy.bin", _use_new_zipfile_serialization=False)


def make_types(folder: Path) -> None:
    """Save tensors of every type and of unusual memory layout, and what they hold."""
    torch.manual_seed(3)
    base = torch.randn(4, 6)
    tensors = {
        "float": base,
        "transposed": base.t(),
        "part": base[1:3, 2:5],
        "scalar": torch.tensor(2.5),
        "parameter": torch.nn.Parameter(torch.randn(3)),
        "half": base.half(),
        "bfloat16": base.bfloat16(),
        "double": base.double(),
        "long": torch.arange(7).reshape(1, 7),
        "int": torch.arange(3, dtype=torch.int32),
        "short": torch.arange(3, dtype=torch.int16),
        "char": torch.arange(3, dtype=torch.int8),
        "byte": torch.arange(3, dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
    }
    save_torch(tensors, folder, "types")
    # NumPy has no bfloat16.
    held = tensors | {"parameter": tensors["parameter"].detach(), "bfloat16": tensors["bfloat16"].float()}
    np.savez_compressed(folder / "types.npz", **{name: tensor.numpy() for name, tensor in held.items()})


def main() -> None:
    kept = {}
    with tempfile.TemporaryDirectory() as work:
        root = Path(work)
        for scale in DEVIATIONS:
            model = make_model(DEVIATIONS[scale][SMALL["hidden_size"]], SEEDS[scale])
            model.bert.save_pretrained(root / scale)
            for form, activation in ACTIVATIONS.items():
                encoder = BertModel(BertConfig(**SIZES, hidden_act=activation)).eval()
                encoder.load_state_dict(model.bert.state_dict())
                kept |= kept_outputs(called(encoder), 32, f"{scale} {form} ")
        # The last one, of large scale, also in the older files, with heads and in half the precision.
        save_torch(model.state_dict(), root, "large")
        model.bert.bfloat16().save_pretrained(root / "large_bfloat16")
        make_types(root)
        vocabulary = root / "vocab.txt"
        vocabulary.write_text("".join(f"{piece}\n" for piece in small_vocabulary()))
        BertTokenizer(str(vocabulary), do_lower_case=True).save_pretrained(root / "tokenizer")
        pack(root, FIXTURES / "hugging_face.tar.gz")
    np.savez_compressed(FIXTURES / "outputs_hugging_face.npz", **kept)


if __name__ == "__main__":
    main()
