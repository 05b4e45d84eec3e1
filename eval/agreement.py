"""Agreement between two annotation passes, and of each pass with the adjudicated gold.

::

    python -m eval.agreement                     # the passes in the repository
    python -m eval.agreement FOLDER_A FOLDER_B   # any two folders of stand-off files

Strict span F1 and strict relation F1 need no text: stand-off annotations carry their offsets.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from data.annotations import GoldError, Standoff, read_standoff
from data.build import GOLD
from data.card import table
from data.schema import PARTY_BUILDING
from eval.scoring import Counts, match, total

Items = dict[str, tuple[tuple[str, object], ...]]


def _items(standoff: Standoff) -> Items:
    by_id = {entity.id: entity for entity in standoff.entities}
    return {
        "entities": tuple((e.type, (e.start, e.end)) for e in standoff.entities),
        "relations": tuple((r.type, (by_id[r.head].key, by_id[r.tail].key)) for r in standoff.relations),
    }


def compare(first: Sequence[Standoff], second: Sequence[Standoff]) -> dict[str, dict[str, Counts]]:
    """Strict counts by kind (`entities`, `relations`) and type; `first` plays the gold.

    Raises:
        GoldError: the two do not hold the same articles.
    """
    others = {standoff.id: standoff for standoff in second}
    if others.keys() != {standoff.id for standoff in first}:
        raise GoldError("the two passes annotate different articles")
    result: dict[str, dict[str, Counts]] = {"entities": {}, "relations": {}}
    for standoff in first:
        other = others[standoff.id]
        if other.sha256 != standoff.sha256:
            raise GoldError(f"{standoff.id}: the passes annotate different texts")
        wanted, offered = _items(standoff), _items(other)
        for kind, scores in result.items():
            for type_, counts in match(wanted[kind], offered[kind]).items():
                scores[type_] = scores.get(type_, Counts()) + counts
    return result


def report(first: Path, second: Path) -> str:
    """Agreement of two folders as a Markdown table, over the articles that are in both."""
    both = [{standoff.id: standoff for standoff in read_standoff(folder)} for folder in (first, second)]
    common = sorted(both[0].keys() & both[1].keys())
    found = compare([both[0][name] for name in common], [both[1][name] for name in common])
    alone = [
        f"{len(own) - len(common)} only in {folder.name}" for own, folder in zip(both, (first, second), strict=True)
    ]
    told = f"{len(common)} articles in both, {', '.join(alone)}\n\n"
    rows: list[list[object]] = []
    for kind, order in (("entities", PARTY_BUILDING.entity_types), ("relations", PARTY_BUILDING.relation_names)):
        scores = found[kind]
        for type_ in order:
            if type_ in scores:
                counts = scores[type_]
                rows.append([type_, f"{counts.f1:.3f}", int(counts.gold), int(counts.predicted)])
        counts = total(scores)
        rows.append([f"**all {kind}**", f"**{counts.f1:.3f}**", int(counts.gold), int(counts.predicted)])
    return told + table(["", "strict F1", first.name, second.name], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m eval.agreement", description=__doc__.split("\n")[0])
    parser.add_argument("folders", type=Path, nargs="*", help="two folders of stand-off files")
    options = parser.parse_args(arguments)
    if len(options.folders) == 2:
        pairs = [tuple(options.folders)]
    elif not options.folders:
        raw = GOLD / "passes"
        pairs = []
        for name in ("seeds", "dev", "train"):
            a, b = raw / f"{name}-a", raw / f"{name}-b"
            pairs += [(a, b), (a, GOLD / name), (b, GOLD / name)]
    else:
        parser.error("give two folders, or none for the passes in the repository")
    try:
        for first, second in pairs:
            print(f"## {first.name} and {second.name}\n\n{report(first, second)}\n")
    except GoldError as error:
        print(f"eval.agreement: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
