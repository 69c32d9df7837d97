"""Write the tests' fixtures of TF Hub encoders and of checkpoints, and the outputs Model Garden gives for them.

Runs in the environment of model_garden.in (see README.md).
"""

import argparse
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from official.legacy.bert import configs
from official.nlp.tools import export_tfhub_lib, tf2_bert_encoder_checkpoint_converter
from packing import pack
from seeded import DEVIATIONS, SEEDS, SMALL, kept_outputs, seeded_batches, seeded_tensors, small_vocabulary
from tf1_checkpoint import checkpoint_shapes, index_shapes, write_checkpoint

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures" / "encoders"
NAME = "uncased_L-2_H-32_A-2"


def converted(prefix: Path, config_file: Path, target: Path) -> str:
    """Convert a checkpoint of google-research/bert to Model Garden's, with its own converter; its new path."""
    config = configs.BertConfig.from_json_file(str(config_file))
    tf2_bert_encoder_checkpoint_converter.convert_checkpoint(
        bert_config=config,
        output_path=str(target),
        v1_checkpoint=str(prefix),
        checkpoint_model_name="encoder",
    )
    return f"{target}-1"


def checkpoint_outputs(prefix: Path, config_file: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Outputs of Model Garden's BertEncoder for a checkpoint of google-research/bert."""
    config = configs.BertConfig.from_json_file(str(config_file))
    encoder = export_tfhub_lib.get_bert_encoder(config)
    with tempfile.TemporaryDirectory() as folder:
        restored = tf.train.Checkpoint(encoder=encoder).restore(converted(prefix, config_file, Path(folder) / "ckpt"))
        restored.assert_existing_objects_matched()
    return called(encoder, config.vocab_size)


def called(encoder: tf.Module, vocabulary_size: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(pooled, sequence) of every batch."""
    outputs = {}
    for name, batch in seeded_batches(vocabulary_size).items():
        output = encoder({key: tf.constant(value) for key, value in batch.items()})
        outputs[name] = (output["pooled_output"].numpy(), output["sequence_output"].numpy())
    return outputs


def make_small(scale: str, work: Path) -> dict[str, np.ndarray]:
    """Write checkpoint_<scale>.zip and tfhub_<scale>.tar.gz of the small encoder; what to keep of the outputs."""
    folder = work / scale / NAME
    folder.mkdir(parents=True)
    (folder / "bert_config.json").write_text(json.dumps(SMALL, indent=2) + "\n")
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in small_vocabulary()))
    deviation = DEVIATIONS[scale][SMALL["hidden_size"]]
    prefix = folder / "bert_model.ckpt"
    write_checkpoint(seeded_tensors(checkpoint_shapes(SMALL), deviation, SEEDS[scale]), prefix)
    with zipfile.ZipFile(FIXTURES / f"checkpoint_{scale}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            member = zipfile.ZipInfo(f"{NAME}/{file.name}")
            archive.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)
    export_tfhub_lib.export_model(
        str(work / scale / "tfhub"),
        bert_config=configs.BertConfig.from_dict(SMALL),
        model_checkpoint_path=converted(prefix, folder / "bert_config.json", work / scale / "converted"),
        with_mlm=False,
        vocab_file=str(folder / "vocab.txt"),
        do_lower_case=True,
    )
    pack(work / scale / "tfhub", FIXTURES / f"tfhub_{scale}.tar.gz")
    outputs = called(tf.saved_model.load(str(work / scale / "tfhub")), SMALL["vocab_size"])
    return kept_outputs(outputs, 32, f"{scale} ")


def make_preprocessing(lower_case: bool, work: Path) -> None:
    """Write preprocessing_<case>.tar.gz with the vocabulary of the small encoder."""
    vocabulary = work / "vocab.txt"
    vocabulary.write_text("".join(f"{piece}\n" for piece in small_vocabulary()))
    case = "uncased" if lower_case else "cased"
    export_tfhub_lib.export_preprocessing(
        str(work / case),
        vocab_file=str(vocabulary),
        do_lower_case=lower_case,
        tokenize_with_offsets=False,
        default_seq_length=128,
    )
    pack(work / case, FIXTURES / f"preprocessing_{case}.tar.gz")


def make_published(folder: Path, work: Path) -> None:
    """Write the outputs for weights drawn in the names and shapes of a published checkpoint's genuine index."""
    config = json.loads((folder / "bert_config.json").read_text())
    kept = {}
    for scale in DEVIATIONS:
        prefix = work / folder.name / scale / "bert_model.ckpt"
        prefix.parent.mkdir(parents=True)
        shapes = index_shapes(folder / "bert_model.ckpt")
        write_checkpoint(seeded_tensors(shapes, DEVIATIONS[scale][config["hidden_size"]], SEEDS[scale]), prefix)
        kept |= kept_outputs(checkpoint_outputs(prefix, folder / "bert_config.json"), 8, f"{scale} ")
    np.savez_compressed(FIXTURES / f"outputs_{folder.name}.npz", **kept)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", nargs="*", type=Path, help="folders with a genuine bert_config.json and index")
    arguments = parser.parse_args()
    FIXTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        kept = make_small("usual", work) | make_small("large", work)
        np.savez_compressed(FIXTURES / "outputs_model_garden.npz", **kept)
        make_preprocessing(True, work)
        make_preprocessing(False, work)
        for checkpoint in arguments.checkpoints:
            make_published(checkpoint, work)


if __name__ == "__main__":
    main()
