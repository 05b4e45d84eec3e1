"""`predict()`: raw text in, characters out.

::

    from phodang import predict
    result = predict("Đồng chí Lê Thị Na, Bí thư Huyện ủy, chủ trì hội nghị.")
    for entity in result.entities:
        print(entity.type, entity.text, entity.start, entity.end)
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import index
from pathlib import Path
from typing import Any, TypedDict, Unpack, overload

import torch

from data.articles import Removal
from data.articles import clean as clean_article
from data.documents import Entity, Relation
from data.segmentation import segmenter
from data.sentences import Range, split_sentences
from models.configuration import ModelError
from models.extractor import WEIGHTS, Extractor
from models.features import FeatureBuilder, Features
from models.inference import Found, extract
from models.normalization import Normalized, normalize
from models.results import Prediction

GivenEntity = Entity | Mapping[str, Any]
SHIPPED = Path(__file__).parent / "weights" / "default"
TRAINED = Path("runs") / "compact" / "model"
ENVIRONMENT = "PHODANG_MODEL"
GROUP_WINDOWS, GROUP_TEXTS = 64, 256
"""Windows, and texts, of a stream that are worked on together: bounds memory, lets windows be sorted by length."""


def default_model() -> Path:
    """Where `predict()` finds its model when none is named: `$PHODANG_MODEL`, the shipped one, or
    the one that `python -m training.train` left under `runs/` in the current folder.

    Raises:
        ModelError: none of them is there.
    """
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named)
    for folder in (SHIPPED, TRAINED):
        if (folder / "config.json").is_file():
            return folder
    raise ModelError(
        f"no model: train one with 'python -m training.train' (it is looked for in {TRAINED}), "
        f"name one with predict(..., model=FOLDER), or set {ENVIRONMENT}"
    )


@dataclass(frozen=True)
class _Choices:
    """What a caller asked for, checked."""

    types: frozenset[str] | None
    threshold: float | None
    batch_size: int
    clean: bool
    entities: Sequence[GivenEntity] | None = None
    sentences: Iterator[Sequence[Range]] | None = None


@dataclass
class _Work:
    """One text on its way through the model."""

    norm: Normalized
    items: list[Features]
    removed: tuple[Removal, ...] = ()
    given: list[tuple[Entity, tuple[int, int]]] | None = None

    @property
    def windows(self) -> int:
        return sum(len(item.chunks) for item in self.items)


class Predictor:
    """A loaded model, ready for text. Safe to share between threads.

    Args:
        model: folder of a saved model; `None` for the default one.
        device: a torch device; `None` takes a GPU if there is one.

    Raises:
        ModelError: no model there, or one that cannot be used.
    """

    def __init__(self, model: str | Path | None = None, device: str | torch.device | None = None) -> None:
        self.folder = Path(model) if model is not None else default_model()
        self.model = Extractor.from_pretrained(self.folder)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model.to(self.device)
        config = self.model.config
        words = segmenter(config.segmenter)
        if words.name != config.segmenter:
            warnings.warn(
                f"this model was trained with segmenter {config.segmenter!r}, at hand is {words.name!r}: "
                "some words may be cut differently; install the same version for the same answers",
                stacklevel=2,
            )
        self.builder = FeatureBuilder(config, self.model.tokenization, words)
        # The segmenter and the tokenizer keep caches of their own.
        self._lock = threading.Lock()

    def __call__(
        self,
        text: str | Iterable[str],
        *,
        types: Iterable[str] | None = None,
        threshold: float | None = None,
        batch_size: int = 16,
        clean: bool = False,
        entities: Sequence[GivenEntity] | None = None,
        sentences: Iterable[Sequence[Range]] | None = None,
    ) -> Any:
        """See `predict`.

        `sentences` holds the sentence ranges of each text, for text that came with sentences of its own; by
        default `split_sentences` finds them.
        """
        if types is not None and entities is not None:
            raise TypeError("types= chooses among predicted entities; with entities=[...] give only those you want")
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"threshold is a probability between 0 and 1, not {threshold!r}")
        if batch_size < 1:
            raise ValueError(f"batch_size is a number of windows of at least 1, not {batch_size!r}")
        ranges = None if sentences is None else iter(sentences)
        choices = _Choices(self._types(types), threshold, batch_size, clean, entities, ranges)
        if isinstance(text, str):
            return next(self._stream([text], choices))
        if entities is not None:
            raise TypeError("entities=[...] goes with a single text; call predict once for each text")
        if isinstance(text, Mapping | bytes) or not isinstance(text, Iterable):
            raise TypeError(
                f"predict takes a string, a list of strings or an iterator of strings, not {type(text).__name__}"
            )
        stream = self._stream(text, choices)
        return list(stream) if isinstance(text, Sequence) else stream

    def _types(self, types: Iterable[str] | None) -> frozenset[str] | None:
        if types is None:
            return None
        wanted = frozenset([types] if isinstance(types, str) else types)
        known = self.model.config.schema.entity_types
        unknown = sorted(wanted - set(known))
        if unknown:
            raise ValueError(f"unknown entity types: {', '.join(unknown)}; this model knows {', '.join(known)}")
        return wanted

    def _stream(self, texts: Iterable[str], choices: _Choices) -> Iterator[Prediction]:
        group: list[_Work] = []
        windows = 0
        for number, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"text number {number} is {type(text).__name__}, not a string")
            with self._lock:
                group.append(self._prepare(text, choices))
            windows += group[-1].windows
            if len(group) >= GROUP_TEXTS or windows >= GROUP_WINDOWS:
                yield from self._finish(group, choices)
                group, windows = [], 0
        if group:
            yield from self._finish(group, choices)

    def _prepare(self, text: str, choices: _Choices) -> _Work:
        norm = normalize(text)
        if choices.sentences is None:
            sentences = split_sentences(norm.text)
        else:
            sentences = [norm.to_normalized(start, end) for start, end in next(choices.sentences)]
        wanted = None
        removed: tuple[Removal, ...] = ()
        if choices.clean:
            cleaning = clean_article(norm.text)
            removed = tuple(Removal(*norm.to_original(r.start, r.end), r.reason) for r in cleaning.removed)
            wanted = [i for i, (s, e) in enumerate(sentences) if any(a <= s and e <= b for a, b in cleaning.kept)]
        work = _Work(norm, self.builder.build(norm.text, sentences, wanted), removed)
        if choices.entities is not None:
            work.given = self._given(choices.entities, norm)
        return work

    def _given(self, entities: Sequence[GivenEntity], norm: Normalized) -> list[tuple[Entity, tuple[int, int]]]:
        """Entities of the caller's, and their ranges in the NFC text, white space around them left out."""
        if isinstance(entities, str | Mapping):
            raise ValueError("entity 1: entities is a list of Entity objects or mappings")
        found: dict[str, tuple[Entity, tuple[int, int]]] = {}
        text = norm.original
        for number, given in enumerate(entities, start=1):
            entity = _as_entity(given, number)
            if entity.type not in self.model.config.schema.entity_types:
                raise ValueError(f"entity {entity.id}: unknown type {entity.type!r}")
            if entity.id in found:
                raise ValueError(f"entity {entity.id}: the id stands for two entities")
            surface = text[max(entity.start, 0) : max(entity.end, 0)]
            if not 0 <= entity.start < entity.end <= len(text) or not surface.strip():
                place = f"[{entity.start}, {entity.end})"
                raise ValueError(f"entity {entity.id}: {place} is empty or outside the text of {len(text)} characters")
            start = entity.start + len(surface) - len(surface.lstrip())
            inner = norm.to_normalized(start, start + len(surface.strip()))
            found[entity.id] = (Entity(entity.id, entity.type, entity.start, entity.end, surface, entity.score), inner)
        return list(found.values())

    def _finish(self, group: list[_Work], choices: _Choices) -> Iterator[Prediction]:
        items = [item for work in group for item in work.items]
        given = None
        placed: list[list[Entity]] = []
        if group and group[0].given is not None:
            number = self.model.config.schema.type_index
            within = [self._within(item, group[0].given) for item in items]
            placed = [[e for e, _ in each] for each in within]
            given = [
                [(*_syllables(item, r), number[e.type]) for e, r in each]
                for item, each in zip(items, within, strict=True)
            ]
        found = extract(
            self.model,
            items,
            batch_size=choices.batch_size,
            entity_threshold=choices.threshold,
            relation_threshold=choices.threshold,
            given=given,
        )
        at = 0
        for work in group:
            count = len(work.items)
            if work.given is not None:
                yield self._related(work, placed, found)
            else:
                yield self._assemble(work, found[at : at + count], choices.types)
            at += count

    def _within(
        self, item: Features, given: list[tuple[Entity, tuple[int, int]]]
    ) -> list[tuple[Entity, tuple[int, int]]]:
        """Given entities whose first syllable is in this item and which stay inside it."""
        low, high = int(item.starts[0]), int(item.ends[-1])
        return [(e, r) for e, r in given if low <= r[0] < high and r[1] <= high]

    def _related(self, work: _Work, placed: list[list[Entity]], found: list[Found]) -> Prediction:
        names = self.model.config.schema.relation_names
        relations = []
        for entity, each in zip(placed, found, strict=True):
            relations += [Relation(names[r], entity[h].id, entity[t].id, score) for r, h, t, score in each.relations]
        given = tuple(e for e, _ in work.given or ())
        distant = sum(each.distant_pairs for each in found)
        return Prediction(work.norm.original, given, tuple(relations), work.removed, distant_pairs=distant)

    def _assemble(self, work: _Work, found: list[Found], types: frozenset[str] | None) -> Prediction:
        schema = self.model.config.schema
        text = work.norm.original
        entities: list[Entity] = []
        relations: list[Relation] = []
        for item, each in zip(work.items, found, strict=True):
            names: dict[int, str] = {}
            for at, (first, last, type_, score) in enumerate(each.spans):
                if types is not None and schema.entity_types[type_] not in types:
                    continue
                start, end = work.norm.to_original(int(item.starts[first]), int(item.ends[last]))
                names[at] = f"e{len(entities) + 1}"
                entities.append(Entity(names[at], schema.entity_types[type_], start, end, text[start:end], score))
            relations += [
                Relation(schema.relation_names[r], names[h], names[t], score)
                for r, h, t, score in each.relations
                if h in names and t in names
            ]
        distant = sum(each.distant_pairs for each in found)
        return Prediction(text, tuple(entities), tuple(relations), work.removed, distant_pairs=distant)


def _as_entity(given: object, number: int) -> Entity:
    """A caller's entity as an `Entity` with whole offsets."""
    try:
        if isinstance(given, Mapping):
            name = str(given.get("id") or f"e{number}")
            given = Entity(name, given["type"], given["start"], given["end"], score=given.get("score"))
        if not isinstance(given, Entity):
            raise TypeError(f"{type(given).__name__} is neither an Entity nor a mapping")
        if isinstance(given.start, bool) or isinstance(given.end, bool):
            raise TypeError("offsets are whole numbers")
        return replace(given, start=index(given.start), end=index(given.end))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"entity {number}: needs type, start and end ({error!r})") from None


def _syllables(item: Features, characters: tuple[int, int]) -> tuple[int, int]:
    """First and last (inclusive) syllable that a range of characters touches."""
    first = int(item.ends.searchsorted(characters[0], side="right"))
    last = int(item.starts.searchsorted(characters[1], side="left")) - 1
    return min(first, len(item) - 1), max(last, min(first, len(item) - 1))


_loaded: dict[tuple[str, str, int], Predictor] = {}
_loading = threading.Lock()


def load(model: str | Path | None = None, device: str | torch.device | None = None) -> Predictor:
    """The predictor of this model and device, loaded once per process."""
    folder = Path(model) if model is not None else default_model()
    weights = folder / WEIGHTS
    # A model trained anew into the same folder is another model.
    changed = weights.stat().st_mtime_ns if weights.is_file() else 0
    key = (str(folder.resolve()), str(device or ""), changed)
    with _loading:
        if key not in _loaded:
            _loaded[key] = Predictor(folder, device)
        return _loaded[key]


class Options(TypedDict, total=False):
    """Keyword arguments of `predict`."""

    types: Iterable[str] | None
    threshold: float | None
    device: str | torch.device | None
    batch_size: int
    clean: bool
    entities: Sequence[GivenEntity] | None
    model: str | Path | None


# A string is an iterable of strings, too: the first signature that fits is the one that holds.
@overload
def predict(text: str, **options: Unpack[Options]) -> Prediction: ...  # type: ignore[overload-overlap]
@overload
def predict(  # type: ignore[overload-overlap]
    text: list[str] | tuple[str, ...], **options: Unpack[Options]
) -> list[Prediction]: ...
@overload
def predict(text: Iterable[str], **options: Unpack[Options]) -> Iterator[Prediction]: ...
def predict(
    text: str | Iterable[str],
    *,
    types: Iterable[str] | None = None,
    threshold: float | None = None,
    device: str | torch.device | None = None,
    batch_size: int = 16,
    clean: bool = False,
    entities: Sequence[GivenEntity] | None = None,
    model: str | Path | None = None,
) -> Any:
    """Entities and relations of a text, a list of texts, or a stream of texts.

    Args:
        text: a string gives a `Prediction`, a list a list, any other iterable an iterator that is
            worked on in bounded memory. Every character is read as text; any Unicode form will do.
        types: return only entities of these types, and relations between them.
        threshold: leave out entities and relations below this probability (default: the model's own).
        device: torch device (default: a GPU if there is one).
        batch_size: encoder windows worked on at once; changes speed and memory, never the answer.
        clean: leave out site furniture (lists of other headlines, imprint); it is listed in `removed`.
        entities: score relations between these (`Entity` objects or mappings with `type`, `start`,
            `end` in characters of `text`) instead of predicting entities; single text only.
        model: folder of a saved model (default: see `default_model`).

    Returns:
        `Prediction` with `.entities` and `.relations`, both always present; offsets are in `text`.

    Raises:
        TypeError: `text` is not text.
        ValueError: an argument is out of range; the message says which.
        ModelError: there is no usable model.
    """
    return load(model, device)(
        text, types=types, threshold=threshold, batch_size=batch_size, clean=clean, entities=entities
    )
