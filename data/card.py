"""The data card: what is in a data set, counted, and what is not, with reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from data.documents import Document
from data.schema import GUIDELINES_VERSION, PARTY_BUILDING, Schema

INTENDED_USE = """## Intended use

Training and evaluating extraction of what news text states about public office in Vietnam. Not for judging persons, \
and not a source about them: gold annotations repeat what an article said at its date. To ask for a correction or \
removal, open an issue with the document id and the surface."""
Splits = Mapping[str, Sequence[Document]]


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def counts_by_split(splits: Splits, schema: Schema) -> str:
    """Documents, sentences, and entities and relations by type, a column a split."""
    names = list(splits)
    entities = {n: Counter(e.type for d in splits[n] for e in d.entities) for n in names}
    relations = {n: Counter(r.type for d in splits[n] for r in d.relations) for n in names}
    rows: list[list[object]] = [
        ["documents", *(len(splits[n]) for n in names)],
        ["sentences annotated", *(sum(len(d.kept_sentences) for d in splits[n]) for n in names)],
        *([type_, *(entities[n][type_] for n in names)] for type_ in schema.entity_types),
        *([name, *(relations[n][name] for n in names)] for name in schema.relation_names),
    ]
    return table(["", *names], rows)


def counts_by_document(documents: Sequence[Document], schema: Schema) -> str:
    """Sentences, entities and relations by type, a row a document."""
    rows = []
    for document in documents:
        entities = Counter(e.type for e in document.entities)
        relations = Counter(r.type for r in document.relations)
        rows.append(
            [
                document.id,
                len(document.kept_sentences),
                " ".join(f"{t}:{entities[t]}" for t in schema.entity_types if entities[t]) or "-",
                " ".join(f"{t}:{relations[t]}" for t in schema.relation_names if relations[t]) or "-",
            ]
        )
    return table(["document", "sentences", "entities", "relations"], rows)


def surface_overlap(splits: Splits, schema: Schema) -> str:
    """Share of entity mentions of each other split whose surface also stands in training, by type."""
    known = {(e.type, e.text.casefold()) for d in splits.get("train", ()) for e in d.entities}
    others = [n for n in splits if n != "train"]
    rows = []
    for type_ in schema.entity_types:
        row: list[object] = [type_]
        for name in others:
            mentions = [e for d in splits[name] for e in d.entities if e.type == type_]
            seen = sum((type_, e.text.casefold()) in known for e in mentions)
            row.append(f"{100 * seen / len(mentions):.0f} % of {len(mentions)}" if mentions else "-")
        rows.append(row)
    return table(["type", *others], rows) if others else "Only one split."


def longest_sentences(splits: Splits, count: int = 5) -> str:
    """The longest annotated sentences, in white-space separated words."""
    rows = []
    for name, documents in splits.items():
        for document in documents:
            for index in document.kept_sentences:
                start, end = (document.sentences or ())[index]
                rows.append((len(document.text[start:end].split()), name, document.id, index))
    rows.sort(reverse=True)
    return table(["words", "split", "document", "sentence"], rows[:count])


def data_card(splits: Splits, schema: Schema, sources: Sequence[str], left_out: Sequence[str]) -> str:
    """The card in Markdown; what only holds for our own task is said only of that."""
    own = schema.name == PARTY_BUILDING.name
    parts = [
        "# Data card",
        (f"Annotated by the guidelines, version {GUIDELINES_VERSION}. " if own else "")
        + "Offsets are characters of NFC text.",
        "## Sources\n\n" + "\n".join(f"- {line}" for line in sources),
        "## Counts by split\n\n" + counts_by_split(splits, schema),
        "## Surfaces also seen in training\n\n" + surface_overlap(splits, schema),
        "## Longest sentences\n\n" + longest_sentences(splits),
        "## Left out\n\n" + ("\n".join(f"- {line}" for line in left_out) or "- nothing"),
        INTENDED_USE if own else "",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"
