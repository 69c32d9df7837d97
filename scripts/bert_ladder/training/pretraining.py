"""Masked language modelling: an encoder learns from text without labels. Speaks `keras` only."""

import hashlib
import json
import logging
import resource
import shutil
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import ops

from bert_ladder.data.frames import frame_texts, plain
from bert_ladder.data.tokens import Tokens
from bert_ladder.encoders.encoder_files import EncoderFiles
from bert_ladder.encoders.interface import Encoder
from bert_ladder.encoders.normal_form import build_encoder, load_weights, read_encoder, save_encoder
from bert_ladder.encoders.vocabulary import Vocabulary, tokenizer_vocabulary
from bert_ladder.runtime.checkpoints import Checkpoints, remove_checkpoints
from bert_ladder.runtime.code import code_version
from bert_ladder.runtime.jobs import BadInput, is_out_of_memory
from bert_ladder.runtime.progress import ProgressFile
from bert_ladder.study.settings import PretrainingSettings
from bert_ladder.training.fitting import (
    Diverged,
    Epochs,
    Progress,
    build_optimizer,
    checksum,
    engine,
    engine_device,
    fit,
    is_compiled,
    resolve_precision,
)
from bert_ladder.training.inputs import CheckpointPolicy, Job, PretrainingFiles, PretrainingOutputs
from bert_ladder.training.masking import bags, cut, cut_pairs, epoch_starts, mask_batch, pack, sequences
from bert_ladder.training.resuming import Resuming

log = logging.getLogger(__name__)

# What is hidden in the held-out sequences is the same after every epoch and with every seed.
HELD_OUT_SEED = 0
COUNTED_AT_ONCE = 1 << 24  # tokens
# Of the heads' kernels (truncated normal), as Devlin et al. 2019 have it.
INITIALIZER_RANGE = 0.02


class MaskedLanguageModel(keras.Model):
    """Predicts masked tokens with the tied token embeddings, and computes its own loss.

    Keras's sparse cross-entropy picks the targets' scores out of those of the whole vocabulary; where kernels must be
    deterministic, TensorFlow's gradient of that costs more than the matrix product. Here they come from the targets'
    embeddings.

    Args:
        encoder: its token embeddings are those of the scores.
        **functional: inputs and outputs of a functional model; its outputs are `masked`, at each masked position, float
            (batch, k, hidden); `goes_on`, float (batch, 1), the logit of the next sentence, if that is a task too; and
            `bag`, float (batch, hidden), if the bag of words is one.
    """

    def __init__(self, encoder: Encoder, **functional: Any):
        super().__init__(**functional)
        self.token_embedding = encoder.token_embedding
        self.bias = self.add_weight(name="vocabulary_bias", shape=(encoder.vocabulary_size,), initializer="zeros")
        names = ["accuracy", "masked_loss"]
        if "goes_on" in functional["outputs"]:
            names += ["pairs_accuracy"]
        if "bag" in functional["outputs"]:
            names += ["bag_loss"]
            self.bag_bias = self.add_weight(name="bag_bias", shape=(encoder.vocabulary_size,), initializer="zeros")
        self.measured = {name: keras.metrics.Mean(name=name) for name in names}

    def start_biases(self, stream: np.ndarray, vocabulary: Vocabulary, length: int) -> None:
        """Let scores begin at how often tokens occur: learned by the embeddings, it would turn them all one way.

        Args:
            stream: packed texts.
            vocabulary: of the tokens.
            length: of a sequence.
        """
        # A published table may have rows behind its tokens.
        size = int(self.bias.shape[0])
        special = np.pad(vocabulary.special, (0, size - len(vocabulary)), constant_values=True)
        # By parts: bincount makes 8 bytes of each token.
        parts = range(0, len(stream), COUNTED_AT_ONCE)
        counts = sum(np.bincount(stream[start : start + COUNTED_AT_ONCE], minlength=size) for start in parts)
        counts = counts * ~special
        # Half an occurrence for each, so that none is impossible.
        frequencies = (counts + 0.5) / (counts + 0.5).sum()
        self.bias.assign(np.log(frequencies))
        if "bag_loss" in self.measured:
            # The chance to be among length - 2 tokens.
            self.bag_bias.assign(np.log(-np.expm1((length - 2) * np.log1p(-frequencies))))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Mean cross-entropy, in nats, over the masked positions, plus those of the other tasks.

        Args:
            x: the inputs.
            y: `targets`, int (batch, k); `weights`, float (batch, k), 1 for a masked token (a batch without one
                gives 0); `goes_on`, int (batch,), if the next sentence is a task; `bag`, int, and `bag_weights`,
                float (batch, length), see `bags`, if the bag of words is one.
            y_pred: the outputs.
            sample_weight, training: not used.
        """
        targets, weights = y["targets"], y["weights"]
        scores, target = self.scores(y_pred["masked"], targets, self.bias)
        self.measured["accuracy"].update_state(ops.equal(ops.argmax(scores, axis=-1), targets), weights)
        losses = ops.logsumexp(scores, axis=-1) - target
        loss = weighted_mean(losses, weights)
        self.measured["masked_loss"].update_state(losses, weights)
        if "goes_on" in y_pred:
            logit, goes_on = ops.cast(y_pred["goes_on"][:, 0], "float32"), ops.cast(y["goes_on"], "float32")
            self.measured["pairs_accuracy"].update_state(ops.equal(logit > 0, goes_on > 0))
            loss = loss + ops.mean(keras.losses.binary_crossentropy(goes_on, logit, from_logits=True))
        if "bag" in y_pred:
            in_bag = y["bag_weights"]
            scores, target = self.scores(ops.expand_dims(y_pred["bag"], axis=1), y["bag"], self.bag_bias)
            losses = ops.logsumexp(scores, axis=-1)[:, 0] - weighted_mean(target, in_bag, axis=-1)
            is_full = ops.max(in_bag, axis=-1)
            self.measured["bag_loss"].update_state(losses, is_full)
            loss = loss + weighted_mean(losses, is_full)
        return loss

    def scores(self, states: Any, targets: Any, bias: Any) -> tuple[Any, Any]:
        """The scores of the whole vocabulary, and those of the targets.

        Args:
            states: float (batch, k, hidden), or (batch, 1, hidden) for all k.
            targets: int (batch, k).
            bias: float (vocabulary,).

        Returns:
            float32 (batch, k or 1, vocabulary) and (batch, k).
        """
        scores = self.token_embedding(states, reverse=True)
        target = ops.cast(states, "float32") * ops.cast(self.token_embedding(targets), "float32")
        # Rounded as the others are, or a certain prediction of 16 bits would have a loss below zero.
        target = ops.cast(ops.sum(target, axis=-1), scores.dtype)
        return ops.cast(scores, "float32") + bias, ops.cast(target, "float32") + ops.take(bias, targets)


def weighted_mean(values: Any, weights: Any, axis: int | None = None) -> Any:
    """The mean with weights of 0 and 1, along an axis or of all; 0 where all weights are."""
    return ops.sum(values * weights, axis=axis) / ops.maximum(ops.sum(weights, axis=axis), 1.0)


def build_masked_lm(encoder: Encoder, next_sentence: bool = False, bag_of_words: bool = False) -> MaskedLanguageModel:
    """Put BERT's masked-language-model head on an encoder: dense layer, layer norm and the tied token embeddings.

    The head computes at the masked positions only. Without another task the pooler is no part of it.

    Args:
        encoder: whose weights become the model's.
        next_sentence: put a dense layer on the pooled output too, that tells whether a second segment goes on with the
            first.
        bag_of_words: put a dense layer and a layer norm on the pooled output too, which with the tied token embeddings
            tell the tokens of the sequence.

    Returns:
        A model of {token_ids: int32 (batch, length), positions: int32 (batch, k)} and, with `next_sentence`,
        {segment_ids: int32 (batch, length)}.

    Raises:
        BadInput: if a task reads the pooled output of an encoder that has no pooler.
    """
    pooled = next_sentence or bag_of_words
    if pooled and encoder.pooler is None:
        raise BadInput("the encoder has no pooler; set next_sentence and bag_of_words to false.")
    part = encoder.part(pooled)
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    inputs = {"token_ids": token_ids, "positions": keras.Input((None,), dtype="int32", name="positions")}
    if next_sentence:
        inputs["segment_ids"] = keras.Input((None,), dtype="int32", name="segment_ids")
    encoded = part(encoder.inputs(token_ids, ops.ones_like(token_ids), inputs.get("segment_ids")))

    def dense(states: Any, name: str, units: int = encoder.embedding_dim, **settings: Any) -> Any:
        # One of its own for each: an initializer gives the same values again.
        initializer = keras.initializers.TruncatedNormal(stddev=INITIALIZER_RANGE)
        return keras.layers.Dense(units, kernel_initializer=initializer, name=name, **settings)(states)

    def normed(states: Any, name: str) -> Any:
        return keras.layers.LayerNormalization(epsilon=1e-12, name=name)(states)

    at_positions = ops.take_along_axis(encoded["sequence_output"], ops.expand_dims(inputs["positions"], -1), axis=1)
    masked = dense(at_positions, "guess_dense", activation=encoder.activation)
    found = {"masked": normed(masked, "guess_layer_norm")}
    if next_sentence:
        found["goes_on"] = dense(encoded["pooled_output"], "goes_on", units=1, dtype="float32")
    if bag_of_words:
        found["bag"] = normed(dense(encoded["pooled_output"], "bag_dense"), "bag_layer_norm")
    return MaskedLanguageModel(encoder, inputs=inputs, outputs=found)


class MaskedBatches(keras.utils.PyDataset):
    """Batches of packed sequences with tokens hidden.

    Args:
        stream: packed texts.
        vocabulary: of the tokens.
        settings: of the pre-training.
        batches: (starts, seed of what is hidden) of each batch.
    """

    def __init__(self, stream: np.ndarray, vocabulary: Vocabulary, settings: PretrainingSettings, batches: list):
        super().__init__()
        self.stream, self.vocabulary, self.settings, self.batches = stream, vocabulary, settings, batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        starts, seed = self.batches[index]
        settings, vocabulary, random = self.settings, self.vocabulary, np.random.default_rng(seed)
        segments, pairs = {}, {}
        if settings.next_sentence:
            token_ids, segments["segment_ids"], pairs["goes_on"] = cut_pairs(
                self.stream, starts, settings.length, vocabulary, random
            )
        else:
            token_ids = cut(self.stream, starts, settings.length, vocabulary)
        masked = mask_batch(token_ids, vocabulary, settings.masked_fraction, settings.whole_words, random)
        x = {"token_ids": masked.token_ids, "positions": masked.positions} | segments
        y = {"targets": masked.targets, "weights": masked.weights} | pairs
        if settings.bag_of_words:
            y["bag"], y["bag_weights"] = bags(token_ids, vocabulary)
        return x, y


def masked_batches(
    stream: np.ndarray, settings: PretrainingSettings, seed: int, epoch: int
) -> list[tuple[np.ndarray, tuple[int, ...]]]:
    """The batches of an epoch, a pure function of (seed, epoch): other sequences, other order, other tokens hidden."""
    starts, size = epoch_starts(stream, settings.length, seed, epoch), settings.batch_size
    # From 1: a seed that ends in zeros is that without them, which has drawn the order.
    return [(starts[i : i + size], (seed, epoch, 1 + i)) for i in range(0, len(starts), size)]


def part_texts(
    texts: Sequence[Tokens], keep: Sequence[np.ndarray | None], fraction: float, least: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide texts into those to learn from and those held out, by a hash of each text's tokens.

    So copies of a text are on one side, wherever they stand, and two pre-trainings on the same texts hold out the same.

    Args:
        texts: the texts of each source.
        keep: bool array (texts,) for each source, false for texts that are in neither part; None for all.
        fraction: share of each source's tokens that is held out, in texts that are shorter than it.
        least: so many tokens are held out at least, if there are as many, from wherever.

    Returns:
        For each source the rows to learn from and the rows held out, int64, rising.
    """
    rows = [
        np.arange(len(t.offsets) - 1) if kept is None else np.flatnonzero(kept)
        for t, kept in zip(texts, keep, strict=True)
    ]
    lengths = [np.diff(t.offsets)[of] for t, of in zip(texts, rows, strict=True)]
    hashes = [
        np.array([_hash(t.ids[t.offsets[row] : t.offsets[row + 1]]) for row in of.tolist()], np.uint64)
        for t, of in zip(texts, rows, strict=True)
    ]
    budgets = [fraction * length.sum() for length in lengths]
    held_out = [_first(length, key, budget) for length, key, budget in zip(lengths, hashes, budgets, strict=True)]
    every_length, every_hash = np.concatenate(lengths), np.concatenate(hashes)
    # Copies of a text follow it, into other sources too.
    is_held_out = np.isin(every_hash, np.concatenate(held_out))
    if every_length[is_held_out].sum() < least:
        is_held_out = np.isin(every_hash, _first(every_length, every_hash, least))
    ends = np.cumsum([len(of) for of in rows])[:-1]
    return [(of[~held], of[held]) for of, held in zip(rows, np.split(is_held_out, ends), strict=True)]


def _first(lengths: np.ndarray, hashes: np.ndarray, budget: float) -> np.ndarray:
    """The hashes of texts that together just reach a number of tokens; none is longer than that."""
    # A book must not be held out whole for the sake of a hundredth.
    order = np.flatnonzero(lengths <= budget)
    order = order[np.argsort(hashes[order], kind="stable")]
    reached = int(np.searchsorted(np.cumsum(lengths[order]), budget))
    return hashes[order[: reached + 1]]


def _hash(ids: np.ndarray) -> int:
    return int.from_bytes(hashlib.blake2b(ids.tobytes(), digest_size=8).digest(), "big")


def head_variables(model: MaskedLanguageModel) -> dict[str, keras.Variable]:
    """What a masked language model learns beside its encoder, by layer and name."""
    encoder = {id(variable) for variable in model.get_layer("encoder").variables}
    found = {"vocabulary_bias": model.bias} | ({"bag_bias": model.bag_bias} if "bag_loss" in model.measured else {})
    return found | {
        f"{layer.name}.{variable.name}": variable
        for layer in model.layers
        for variable in layer.trainable_variables
        if id(variable) not in encoder
    }


def save_heads(model: MaskedLanguageModel, path: Path | str) -> None:
    """Write the `head_variables` of a model for `load_heads`, as npz."""
    np.savez(path, **{name: ops.convert_to_numpy(variable) for name, variable in head_variables(model).items()})


def load_heads(model: MaskedLanguageModel, path: Path | str) -> list[str]:
    """Resume heads as an earlier pre-training left them; those of tasks that it did not have stay as they are.

    Args:
        model: from `build_masked_lm`.
        path: npz of the `head_variables` of a model of the same encoder.

    Returns:
        The names of those that were found.

    Raises:
        BadInput: the file is damaged, or of another encoder.
    """
    variables = head_variables(model)
    try:
        with np.load(path, allow_pickle=False) as heads:
            found = [name for name in variables if name in heads]
            for name in found:
                variables[name].assign(heads[name])
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(
            f"{path}: damaged, or of another encoder; delete the encoder's folder, and the next run makes it again."
        ) from error
    return found


@dataclass(frozen=True)
class Corpus:
    """What an encoder learns from.

    Attributes:
        texts: the tokens of each source, by what it is called.
        keep: bool array over the texts of a source, false for those that are left out; a source without one keeps all.
        vocabulary: of the tokens.
    """

    texts: dict[str, Tokens]
    keep: dict[str, np.ndarray]
    vocabulary: Vocabulary

    def streams(self, settings: PretrainingSettings, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Pack the texts to learn from, shuffled, and those held out.

        Args:
            settings: of the pre-training.
            name: of what is trained.

        Raises:
            BadInput: if the texts are too few for one sequence to learn from and one held out.
        """
        length, texts = settings.length, list(self.texts.values())
        keep = [self.keep.get(source) for source in self.texts]
        parts = part_texts(texts, keep, settings.validation_fraction, length)
        shuffle = np.random.default_rng(settings.seed).permutation
        kept = pack([(tokens, shuffle(rows)) for tokens, (rows, _) in zip(texts, parts, strict=True)])
        held_out = pack([(tokens, rows) for tokens, (_, rows) in zip(texts, parts, strict=True)])
        for stream, purpose, remedy in (
            (kept, "to learn from", "give more text, in more than one piece, or lower length"),
            (held_out, "held out", "raise validation_fraction until some texts fit into that share, or give more text"),
        ):
            if not sequences(stream, length):
                raise BadInput(
                    f"{name}: of {len(kept) + len(held_out):,} tokens those {purpose} are {len(stream):,}, fewer than "
                    f"the {length - 2} of one sequence; {remedy}."
                )
        return kept, held_out


@dataclass(frozen=True)
class Learner:
    """A masked language model before its training.

    Attributes:
        model: from `build_masked_lm`.
        encoder: its encoder.
        path_heads: what to begin the heads with, see `load_heads`; None: anew.
    """

    model: MaskedLanguageModel
    encoder: Encoder
    path_heads: Path | str | None = None


@dataclass(frozen=True)
class Pretrained:
    """What a pre-training leaves.

    Attributes:
        description: what encoder.json will hold.
        model: the masked language model.
        encoder: its encoder.
        history: see `pretrain`.
        record: what pretraining.json holds.
    """

    description: dict[str, Any]
    model: MaskedLanguageModel
    encoder: Encoder
    history: pd.DataFrame
    record: dict[str, Any]


def pretrain(
    learner: Learner,
    corpus: Corpus,
    settings: PretrainingSettings,
    job: Job,
    checkpoints: Checkpoints,
    interval: float,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Fit a masked language model.

    Args:
        learner: whose model holds what was learned afterwards.
        corpus: what to learn from.
        settings: of the pre-training.
        job: what progress lines are about, and who watches them.
        checkpoints: of this training; if there is one, the training resumes from it, as if it had never stopped.
        interval: seconds from one checkpoint to the next.

    Returns:
        One line per epoch: epoch (from 1), loss and accuracy (running means over the epoch's steps, dropout on; the
        loss is the sum over the tasks), learning_rate, validation_loss and validation_accuracy (of the masked tokens in
        the held-out texts, dropout off), seconds (of the steps, measuring not included), and masked_loss (the part of
        the loss that is of masked tokens, its mean over them). With the next sentence also pairs_accuracy and
        validation_pairs_accuracy, with the bag of words bag_loss and validation_bag_loss.
        And `tokens_per_epoch`, what stands before and behind a sequence included, `tokens` and `held_out_tokens` of the
        texts.

    Raises:
        BadInput: see `Corpus.streams`, `load_heads`.
        Diverged: the training diverged.
        SystemExit: see `Resuming`.
    """
    model, length, vocabulary, name = learner.model, settings.length, corpus.vocabulary, job.name
    kept, held_out = corpus.streams(settings, name)

    def order(epoch: int) -> list[tuple[np.ndarray, tuple[int, ...]]]:
        return masked_batches(kept, settings, settings.seed, epoch)

    first = order(0)
    dataset = MaskedBatches(kept, vocabulary, settings, first)
    measured = MaskedBatches(held_out, vocabulary, settings, masked_batches(held_out, settings, HELD_OUT_SEED, 0))
    steps, accumulated = settings.epochs * len(first), settings.gradient_accumulation
    if steps < accumulated:
        raise BadInput(
            f"{name}: gradient_accumulation {accumulated} is more than the {steps} steps of all epochs, so that "
            "nothing would be learned; lower it."
        )
    model.start_biases(kept, vocabulary, length)
    if learner.path_heads is not None:
        resumed = load_heads(model, learner.path_heads)
        log.info("%s: resumes the heads of the pre-training before: %s", name, resumed)
    # Decay would shrink the rows that no gradient reaches: of a segment that is not there, of positions beyond the
    # length.
    partly_used = [variable for layer in learner.encoder.partly_used for variable in layer.trainable_variables]
    optimizer = build_optimizer(settings, steps, accumulated, not_decayed=partly_used)
    # Variables that appear while TensorFlow traces the step would make it trace a second time.
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, jit_compile=is_compiled(settings))

    def measure() -> dict[str, float]:
        found = model.evaluate(measured, verbose=0, return_dict=True)
        return {
            "learning_rate": float(optimizer.learning_rate),
            "validation_loss": found["masked_loss"],
            "validation_accuracy": found["accuracy"],
        } | {f"validation_{name}": found[name] for name in ("pairs_accuracy", "bag_loss") if name in found}

    log.info(
        "%s: %s tokens to learn from, %s held out, %s steps an epoch",
        name,
        f"{len(kept):,}",
        f"{len(held_out):,}",
        f"{len(first):,}",
    )
    if unused := steps % accumulated:
        log.info("%s: the last %s of all %s steps make no whole update and change nothing", name, unused, f"{steps:,}")
    history = fit(
        model,
        Epochs(dataset, order, settings.epochs),
        Progress(
            name,
            sequences(kept, length),
            settings.batch_size,
            measure,
            unit=("tokens", length),
            file=ProgressFile(job.log),
        ),
        Resuming(checkpoints, interval, list(model.measured.values())),
    )
    return history, {
        "tokens": len(kept),
        "held_out_tokens": len(held_out),
        "tokens_per_epoch": length * sequences(kept, length),
    }


def read_corpus(start: EncoderFiles, files: PretrainingFiles, settings: PretrainingSettings) -> Corpus:
    """Open the texts of a study, the tokens as the encoder's vocabulary has them.

    Training texts that are test texts too are left out.
    """
    vocabulary = tokenizer_vocabulary(read_encoder(start.config)["tokenizer"], start)
    tokens = zip(files.tokens[::2], files.tokens[1::2], strict=True)
    opened = [vocabulary.open_tokens(ids, offsets) for ids, offsets in tokens]
    keep = ~is_test_text(frame_texts(files.train), frame_texts(files.test))
    return Corpus(dict(zip(("train", *settings.text), opened, strict=True)), {"train": keep}, vocabulary)


def build_learner(
    start: EncoderFiles, path_heads: Path | str | None, settings: PretrainingSettings, job: Job
) -> Learner:
    """The masked language model of a pre-training, on the weights that it starts from.

    Raises:
        BadInput: if the encoder's files are damaged, or it cannot learn with these settings.
    """
    keras.utils.set_random_seed(settings.seed)
    keras.config.set_dtype_policy(settings.precision)
    encoder = build_encoder(read_encoder(start.config), settings.encoder_dropout)
    if settings.length > encoder.positions:
        raise BadInput(
            f"{job.name}: length {settings.length} is more than the {encoder.positions} positions of the encoder it "
            "starts from; lower length."
        )
    if settings.next_sentence and encoder.segments < 2:
        raise BadInput(f"{job.name}: the encoder it starts from knows one segment only; set next_sentence to false.")
    model = build_masked_lm(encoder, settings.next_sentence, settings.bag_of_words)
    load_weights(encoder.backbone, start.weights)
    return Learner(model, encoder, path_heads)


def pretrain_run(
    start: EncoderFiles, files: PretrainingFiles, settings: PretrainingSettings, job: Job, policy: CheckpointPolicy
) -> Pretrained:
    """Pre-train an encoder on a study's files.

    Args:
        start: the encoder to start from.
        files: what to learn from.
        settings: of the pre-training.
        job: what it is called, and the threads for the record.
        policy: where and how often the training is saved.

    Raises:
        BadInput: see `build_learner`, `pretrain`; or if memory does not suffice.
        Diverged: the training diverged.
        SystemExit: see `Resuming`.
    """
    description, settings = read_encoder(start.config), resolve_precision(settings, job)
    learner, corpus = build_learner(start, files.heads, settings, job), read_corpus(start, files, settings)
    left_out = {"texts": int((~corpus.keep["train"]).sum()), "sha256": checksum(corpus.keep["train"])}
    if left_out["texts"]:
        log.info("%s: %s training texts are test texts too and left out", job.name, f"{left_out['texts']:,}")
    made_of = {
        "data_sha256": {source: checksum(t.ids, t.offsets) for source, t in corpus.texts.items()},
        "encoder_sha256": hashlib.sha256(start.weights.read_bytes()).hexdigest(),
    } | engine()
    if files.heads is not None:
        made_of["heads_sha256"] = hashlib.sha256(Path(files.heads).read_bytes()).hexdigest()
    device = engine_device(job.name)
    ready_at = time.time()
    identity = {
        "code": code_version(__file__),
        "settings": settings.plain(),
        "architecture": description["architecture"],
        "left_out": left_out["sha256"],
    } | made_of
    try:
        history, counts = pretrain(learner, corpus, settings, job, Checkpoints(policy.folder, identity), policy.seconds)
    except Diverged as error:
        raise Diverged(
            f"{error}; lower learning_rate ({settings.learning_rate:g}), or choose another precision."
        ) from error
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise BadInput(
            f"{job.name}: out of memory on {device} with batch_size {settings.batch_size} and length "
            f"{settings.length}; lower one of them (gradient_accumulation makes up for it), or give the job more "
            "memory."
        ) from error
    seconds = float(history["seconds"].sum())
    last = history.iloc[-1]
    description |= {
        "source": {
            "kind": "pretrained",
            "from": description.get("source"),
            "settings": settings.plain(),
            "texts_sha256": made_of["data_sha256"],
            "left_out": left_out,
            "validation_loss": float(last["validation_loss"]),
            "validation_accuracy": float(last["validation_accuracy"]),
        }
    }
    record = {
        "settings": settings.plain(),
        "parameters": learner.encoder.backbone.count_params(),
        "left_out": left_out,
        **counts,
        "training_seconds": round(seconds, 3),
        "ready_at": round(ready_at, 3),
        "trained_at": round(time.time(), 3),
        "tokens_per_second": round(counts["tokens_per_epoch"] * len(history) / seconds, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "device": device,
        "threads": job.threads,
        **made_of,
    }
    return Pretrained(description, learner.model, learner.encoder, history, record)


def pretrain_encoder(
    start: EncoderFiles,
    files: PretrainingFiles,
    settings: PretrainingSettings,
    job: Job,
    policy: CheckpointPolicy,
    outputs: PretrainingOutputs,
) -> None:
    """Pre-train an encoder on a study's files and write it in normal form, with heads, history and record."""
    found = pretrain_run(start, files, settings, job, policy)
    save_encoder(found.description, found.encoder.backbone, outputs.encoder.config, outputs.encoder.weights)
    save_heads(found.model, outputs.heads)
    for source, target in zip(start.tokenizer, outputs.encoder.tokenizer, strict=True):
        shutil.copyfile(source, target)
    found.history.to_csv(outputs.history, index=False)
    record = {"encoder": job.row} | found.record | job.lease.record()
    Path(outputs.record).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    remove_checkpoints(policy.folder)


def is_test_text(texts: pd.Series, test: pd.Series) -> np.ndarray:
    """Which texts stand in the test split too, see `plain`, bool, shape (n,)."""
    return texts.map(plain).isin(set(test.map(plain))).to_numpy()
