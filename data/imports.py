"""Data sets of annotated text in other formats: files in, splits out, with the label set they use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from data.build import HELD_OUT, Build
from data.dataset import DataError
from data.documents import Document
from data.formats.conll import read_conll
from data.schema import Schema

SPLITS = ("train", "validation", "test")


def import_conll(files: Mapping[str, Sequence[Path]], tag_column: int = -1, token_column: int = 0) -> Build:
    """Splits of CoNLL files; the schema is flat, without relations, and has every label of every file.

    Without files for validation, every tenth document of training validates.

    Raises:
        DataError: a file that cannot be read, nothing to train on, or no entities in any.
    """
    if not files.get("train"):
        raise DataError("no files to train on; give --train FILE")
    read = {name: [read_conll(path, tag_column, token_column) for path in files.get(name, ())] for name in SPLITS}
    types = {name: sum((text.types for text in texts), Counter[str]()) for name, texts in read.items()}
    if not types["train"]:
        raise DataError(f"{files['train'][0]}: no entities; is the tag in another column? --tag-column N (from 0)")
    schema = Schema.flat_of(label for counts in types.values() for label in counts)
    result = Build({}, schema)
    stems: Counter[str] = Counter()
    for name, texts in read.items():
        documents: list[Document] = []
        for text in texts:
            stems[text.path.stem] += 1
            again = f"({stems[text.path.stem]})" if stems[text.path.stem] > 1 else ""
            documents += text.documents(schema, text.path.stem + again)
            found = f"{text.sentences} sentences, {text.tokens} tokens, {sum(text.types.values())} entities"
            result.sources.append(f"{name}: {found} of {text.path.name} (CoNLL)")
            result.sources += [f"{name}: {text.path.name}: {note}" for note in text.notes]
        if documents:
            result.splits[name] = documents
    if "validation" not in result.splits:
        own = result.splits["train"]
        held = own[HELD_OUT - 1 :: HELD_OUT]
        if not held:
            raise DataError(f"only {len(own)} documents and no --validation FILE; give one")
        result.splits["train"] = [each for at, each in enumerate(own) if at % HELD_OUT != HELD_OUT - 1]
        result.splits["validation"] = held
        result.sources.append(f"validation: {len(held)} documents held out of training")
    for name in SPLITS[1:]:
        unseen = sorted(set(types[name]) - set(types["train"]))
        if unseen:
            result.left_out.append(f"labels of {name} that training never shows: {', '.join(unseen)}")
    return result
