"""Write the tests' fixture of BERTs in ONNX, as PyTorch exports transformers' models.

Runs in the environment of hugging_face.in (see README.md), after make_hugging_face.py, whose large weights these are.
"""

import tarfile
import tempfile
from pathlib import Path

import torch
from packing import pack
from transformers import BertModel

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures" / "encoders"
# From 17 on LayerNormalization is an operator of its own.
OPSETS = {"parts": 14, "whole": 17}


class Called(torch.nn.Module):
    """An encoder that is called with ids and mask, under a name of its own, as sentence encoders are exported."""

    def __init__(self, model: BertModel, pooled: bool) -> None:
        super().__init__()
        self.auto_model = model
        self.output = "pooler_output" if pooled else "last_hidden_state"

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.auto_model(input_ids=input_ids, attention_mask=attention_mask)[self.output]


def export(model: torch.nn.Module, opset: int, path: Path) -> None:
    """Export with free batch and width, by the exporter that traces."""
    ids = torch.tensor([[2, 30, 31, 3]])
    axes = {name: {0: "batch", 1: "width"} for name in ("input_ids", "attention_mask")}
    torch.onnx.export(
        model,
        (ids, torch.ones_like(ids)),
        path,
        input_names=list(axes),
        dynamic_axes=axes,
        opset_version=opset,
        dynamo=False,
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as work:
        root = Path(work)
        with tarfile.open(FIXTURES / "hugging_face.tar.gz") as archive:
            archive.extractall(root / "theirs", filter="data")
        folder = root / "onnx"
        for name, opset in OPSETS.items():
            model = BertModel.from_pretrained(root / "theirs" / "large", attn_implementation="eager").eval()
            for ending, pooled in (("", True), ("_without_pooler", False)):
                (folder / f"{name}{ending}").mkdir(parents=True)
                export(Called(model, pooled), opset, folder / f"{name}{ending}" / "model.onnx")
        pack(folder, FIXTURES / "onnx.tar.gz")


if __name__ == "__main__":
    main()
