"""What may be asked of a chosen model in JSON, and what it answers; one thread asks it, whoever waits."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from threading import Event
from time import monotonic
from typing import Any

import numpy as np

from bert_ladder.export.explaining import important_words
from bert_ladder.export.limits import Limits
from bert_ladder.export.loading import Classifier

KEYS = ("text", "texts", "explain")
# Texts between two looks at whether anyone still waits for them.
PIECE = 64


@dataclass(frozen=True)
class Question:
    """Texts to answer, and whether the words that each answer rests on are wanted."""

    texts: Sequence[str]
    explain: bool


class Refused(Exception):
    """A request that is not answered.

    Attributes:
        status: of HTTP.
        sentence: why, and what to do.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Unwanted(Exception):
    """Nobody waits for an answer any more."""


class Asked(Classifier):
    """A model that stops between two pieces of its work once nobody waits for the answer."""

    def __init__(self, model: Classifier, wanted: Callable[[], bool]) -> None:
        self.chosen, self.engine = model.chosen, model.engine
        self._model, self._wanted = model, wanted

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        pieces = []
        for start in range(0, len(texts), PIECE):
            if not self._wanted():
                raise Unwanted
            pieces.append(self._model.probabilities(texts[start : start + PIECE]))
        return np.concatenate(pieces) if pieces else self._model.probabilities([])


class Worker:
    """The one thread in which a model is opened and asked, in the order of the questions.

    Keras keeps some of its state per thread, and a second thread would only fight the first for the processor.
    """

    def __init__(self, open_model: Callable[[], Classifier]) -> None:
        self._thread = ThreadPoolExecutor(1, "model")
        self._closed = Event()
        self._waiting: set[Future] = set()
        try:
            self.model = self._thread.submit(open_model).result()
        except BaseException:
            self.close()
            raise

    @property
    def closed(self) -> bool:
        """Whether no question is answered any more."""
        return self._closed.is_set()

    @property
    def waiting(self) -> int:
        """How many questions are not answered yet."""
        return len(self._waiting)

    def ask(self, question: Question, seconds: float) -> tuple["Future[list[dict[str, Any]]]", Event]:
        """Line a question up.

        Args:
            question: to answer.
            seconds: after which the answer is not wanted any more.

        Returns:
            The answer to come, and what to set when nobody waits for it any more.
        """
        end, gone = monotonic() + seconds, Event()

        def wanted() -> bool:
            return monotonic() < end and not gone.is_set() and not self._closed.is_set()

        future = self._thread.submit(lambda: answer(Asked(self.model, wanted), question))
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        return future, gone

    def give_up(self) -> None:
        """Let what is not answered yet end with `Unwanted` after the piece at hand, or be cancelled."""
        self._closed.set()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Give up, and wait for the piece at hand."""
        self.give_up()
        self._thread.shutdown()


def read_question(body: bytes, limits: Limits) -> Question:
    """Read the body of a request.

    Args:
        body: JSON, `{"text": "…"}` or `{"texts": ["…", …]}`, and optionally `"explain": true`.
        limits: that it must keep to.

    Raises:
        Refused: it is not that. The sentence holds nothing of a text.
    """
    try:
        found = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Refused(400, 'the body is not JSON in UTF-8; send {"texts": ["…"]}.') from None
    if not isinstance(found, dict):
        raise Refused(400, f'the body is {name_of(found)}; send an object such as {{"texts": ["…"]}}.')
    for key in found:
        if key not in KEYS:
            raise Refused(400, f"the key {key[:40]!a} is unknown; the keys are {', '.join(KEYS)}.")
    if ("text" in found) == ("texts" in found):
        raise Refused(400, 'either "text", a string, or "texts", a list of strings, is needed, and not both.')
    explain = found.get("explain", False)
    if not isinstance(explain, bool):
        raise Refused(400, f'"explain" is {name_of(explain)}; give true or false.')
    if "text" in found:
        check_text('"text"', found["text"], limits)
        return Question([found["text"]], explain)
    texts = found["texts"]
    if not isinstance(texts, list):
        raise Refused(400, f'"texts" is {name_of(texts)}; give a list of strings.')
    if not texts:
        raise Refused(400, '"texts" is empty; give at least one text.')
    if len(texts) > limits.texts:
        raise Refused(
            413, f'"texts" has {len(texts):,}, and {limits.texts:,} are allowed; send them in several requests.'
        )
    for number, text in enumerate(texts, start=1):
        check_text(f'text {number} of "texts"', text, limits)
    return Question(texts, explain)


def check_text(name: str, text: Any, limits: Limits) -> None:
    """Refuse what is no text that a model can be asked.

    Args:
        name: what to call it.
        text: as JSON has it.
        limits: that it must keep to.

    Raises:
        Refused: it is no string, blank, too long, or no Unicode.
    """
    if not isinstance(text, str):
        raise Refused(400, f"{name} is {name_of(text)}; give a string.")
    if not text.strip():
        raise Refused(400, f"{name} is empty; give a text.")
    if len(text) > limits.characters:
        raise Refused(
            413, f"{name} has {len(text):,} characters, and {limits.characters:,} are allowed; send a part of it."
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Refused(
            400, f"{name} has half a surrogate pair at character {error.start + 1:,}; send whole characters."
        ) from None


def name_of(value: Any) -> str:
    """What JSON calls the type of a value."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def answer(model: Classifier, question: Question) -> list[dict[str, Any]]:
    """Answer a question.

    Args:
        model: that answers.
        question: with any number of texts.

    Returns:
        For each text `label`, None where it is not answered, `forced_label`, what it were if every text had to be, and
        `probabilities`, by label; `because`, see `explanation`, if wanted.
    """
    probabilities = model.probabilities(question.texts)
    forced = model.forced(probabilities)
    answers: list[dict[str, Any]] = [
        {
            "label": label,
            "forced_label": model.labels[code],
            "probabilities": dict(zip(model.labels, line, strict=True)),
        }
        for label, code, line in zip(model.decide(probabilities), forced, probabilities.tolist(), strict=True)
    ]
    if question.explain:
        for text, code, one in zip(question.texts, forced, answers, strict=True):
            one["because"] = explanation(model, text, code)
    return answers


def explanation(model: Classifier, text: str, code: int) -> dict[str, Any]:
    """The words that an answer rests on.

    Args:
        model: that answers.
        text: what it answers.
        code: of the class that is the answer.

    Returns:
        `label`, of that class; `words`, lower-cased, each with what the probability of the class loses without it
        (`drop`), falling; `parts`, the text cut at these words, each part with its `drop`, 0 between them.
    """
    drops = dict(important_words(model, text, code))
    return {
        "label": model.labels[code],
        "words": [{"word": word, "drop": drop} for word, drop in drops.items()],
        "parts": parts_of(text, drops),
    }


def parts_of(text: str, drops: Mapping[str, float]) -> list[dict[str, Any]]:
    """A text cut at some of its words, which joined is the text again.

    Args:
        text: any.
        drops: by lower-cased word.
    """
    parts, end = [], 0
    for found in _words().finditer(text):
        drop = drops.get(found[0].lower())
        if drop is not None:
            parts += [{"text": text[end : found.start()], "drop": 0.0}, {"text": found[0], "drop": drop}]
            end = found.end()
    return [part for part in [*parts, {"text": text[end:], "drop": 0.0}] if part["text"]]


def described(model: Classifier, limits: Limits) -> dict[str, Any]:
    """What is answered to who asks what the model is."""
    chosen = model.chosen
    return {
        "study": chosen.study,
        "row": chosen.row,
        "kind": chosen.kind,
        "encoder": chosen.encoder,
        "seed": chosen.seed,
        "chosen_by": chosen.chosen_by,
        "why": chosen.why,
        "engine": model.engine,
        "labels": model.labels,
        "temperature": chosen.temperature,
        "decision": asdict(chosen.decision),
        "limits": asdict(limits),
    }


@cache
def _words() -> re.Pattern[str]:
    """Matches a word as `important_words` has them."""
    from bert_ladder.training.linear import word_pattern

    return word_pattern()
