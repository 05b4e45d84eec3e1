"""Sentences from a grammar over gazetteers, with exact labels and relations.

::

    python -m data.generator --sentences 20 --seed 13      # print some, as markup

For patterns the authored corpus is thin on: lists of delegates, curricula vitae, codes of documents, all provinces old
and new, name patterns of the 54 peoples. `data/grammar.yaml` holds the rules and says how they are written.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import yaml

from data.documents import Document, Entity, Relation
from data.gazetteers import lists, rows
from data.markup import parse_document, render
from data.schema import ORGANISATIONS

GRAMMAR = Path(__file__).parent / "grammar.yaml"
LINES = 6
"""Sentences in a document."""
_SYMBOL = re.compile(r"<([a-z_]+)>")
_DEFINED = re.compile(r"\([A-Z_]+ ([a-z][a-z0-9]*)")
_TAG = re.compile(r"\(([A-Z_]+)((?: [a-z][a-z0-9]*)?)((?:: [^()]*)?)\)")


@cache
def rules() -> dict[str, list[str]]:
    """The grammar: alternatives of every symbol, those of the gazetteers included."""
    own = yaml.safe_load(GRAMMAR.read_text(encoding="utf-8"))
    return {name: [str(each) for each in ways] for name, ways in {**lists("organs"), **own}.items()}


class Generator:
    """Draws sentences; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.used = 0
        year, spaced = range(2010, 2026), " - "
        pick, number = self.random.choice, self.random.randint
        self.built_in: dict[str, Callable[[], str]] = {
            "person": self._person,
            "people": lambda: pick(rows("names"))[0],
            "place": lambda: pick([self._district(), self._province(), self.expand("commune")]),
            "province_full": self._province,
            "province_bare": lambda: pick(rows("provinces"))[pick([0, 2])],
            "province_tinh": lambda: pick([row[0] for row in rows("provinces") if row[1] == "tỉnh"]),
            "city_bare": lambda: pick([row[0] for row in rows("provinces") if row[1] != "tỉnh"]),
            "district_full": self._district,
            "district_huyen": lambda: self._district("huyện"),
            "district_thixa": lambda: self._district("thị xã"),
            "district_tp": lambda: self._district("thành phố"),
            "district_quan": lambda: self._district("quận"),
            "year": lambda: str(pick(year)),
            "inner_year": lambda: f"[{pick(year)}](DATE)",
            "mm": lambda: pick([str(number(1, 12)), f"{number(1, 12):02d}"]),
            "dd": lambda: str(number(1, 28)),
            "dm": lambda: f"{number(1, 28)}{pick('/-')}{number(1, 12)}",
            "dmy": self._date,
            "span": lambda: self._span("-"),
            "span_spaced": lambda: self._span(spaced),
            "tens": lambda: str(number(1, 30)),
            "nn": lambda: str(number(1, 240)),
            "nnnn": lambda: str(number(100, 4999)),
            "months_to": lambda: self._months(" đến "),
            "months_dash": lambda: self._months(pick([" - ", "-"])),
            "ratio": lambda: "/".join(map(str, sorted([number(20, 400), number(20, 400)]))),
            "small": lambda: str(number(2, 60)),
            "number": lambda: str(number(11, 980)),
            "thousand": lambda: f"{number(1, 99)}.{number(0, 999):03d}",
            "percent": lambda: f"{number(1, 99)}{pick(',.')}{number(1, 99)}{pick(['%', '%', ' %'])}",
        }

    def _person(self) -> str:
        _, families, middles, given = self.random.choice(rows("names") + rows("names")[:1] * 40)
        parts = [self.random.choice(words.split()) for words in (families, middles, given)]
        return " ".join(part.replace("_", " ") for part in parts if part != "-")

    def _province(self) -> str:
        row = self.random.choice(rows("provinces"))
        name, kind = row[:2] if self.random.random() < 0.6 else row[2:]
        kind = self.random.choice(["thành phố", "TP", "TP."]) if kind == "thành phố" else kind
        return f"{kind} {name}"

    def _district(self, kind: str = "") -> str:
        row = self.random.choice([row for row in rows("districts") if kind in ("", row[0])])
        return row[1] if kind else f"{row[0]} {row[1]}"

    def _date(self) -> str:
        day, month, year = self.random.randint(1, 28), self.random.randint(1, 12), self.random.randint(2010, 2025)
        mark = self.random.choice("//-.")
        return self.random.choice([f"{day}{mark}{month}{mark}{year}", f"{day:02d}{mark}{month:02d}{mark}{year}"])

    def _months(self, joint: str) -> str:
        begin, mark = self.random.randint(1998, 2023), self.random.choice("/-")
        unit = self.random.choice(["tháng ", "tháng ", ""])
        ends = [f"{self.random.randint(1, 12)}{mark}{year}" for year in (begin, begin + self.random.randint(1, 5))]
        return joint.join(f"{unit}{end}" for end in ends)

    def _span(self, dash: str) -> str:
        begin = self.random.choice([2005, 2010, 2015, 2020, 2025, 2011, 2016, 2021])
        return f"{begin}{dash}{begin + 5}"

    def expand(self, symbol: str, scope: Mapping[str, str] | None = None, depth: int = 0) -> str:
        """One drawing of a symbol, as markup whose own ids are new; `scope` has the ids of what is around it.

        Raises:
            ValueError: the grammar has no such symbol, or goes round in a circle.
        """
        if symbol in self.built_in:
            return self.built_in[symbol]()
        if symbol not in rules() or depth > 20:
            raise ValueError(f"{GRAMMAR.name}: symbol <{symbol}> is {'endless' if depth > 20 else 'not defined'}")
        way = self.random.choice(rules()[symbol])
        known = {**(scope or {}), **{name: f"{name}n{self._number()}" for name in _DEFINED.findall(way)}}

        def renamed(tag: re.Match[str]) -> str:
            name, relations = tag[2].strip(), tag[3]
            relations = re.sub(r"\b[a-z][a-z0-9]*\b", lambda m: known.get(m[0], m[0]), relations)
            return f"({tag[1]}{' ' + known[name] if name else ''}{relations})"

        return _SYMBOL.sub(lambda m: self.expand(m[1], known, depth + 1), _TAG.sub(renamed, way))

    def _number(self) -> int:
        self.used += 1
        return self.used

    def document(self, name: str, sentences: int = LINES) -> Document:
        """A document of so many sentences, a line each."""
        lines = [self.expand("sentence") for _ in range(sentences)]
        lines = [re.sub(r"^[\[(]*\w", lambda m: m[0].upper(), line) for line in lines]
        return implied(parse_document(name, [(f"{name}:{n}", line) for n, line in enumerate(lines, 1)]))


def implied(document: Document) -> Document:
    """The document with the relations its nesting implies: LOCATED_IN from organisations, AT from roles."""
    relations = set(document.relations)

    def holds(outer: Entity, inner: Entity) -> bool:
        return outer is not inner and outer.start <= inner.start and inner.end <= outer.end

    for head in document.entities:
        inside = [each for each in document.entities if holds(head, each)]
        organs = [each for each in inside if each.type in ORGANISATIONS]
        if head.type in ORGANISATIONS:
            relations |= {Relation("LOCATED_IN", head.id, each.id) for each in inside if each.type == "LOCATION"}
        if head.type == "ROLE" and organs:
            outermost = min(organs, key=lambda each: (each.start, -each.end))
            relations.add(Relation("AT", head.id, outermost.id))
    order = {entity.id: index for index, entity in enumerate(document.entities)}
    kept = sorted(relations, key=lambda r: (order[r.head], order[r.tail], r.type))
    return Document(document.id, document.text, document.entities, tuple(kept), meta={"style": "generated"})


def generate(sentences: int, seed: int = 13) -> list[Document]:
    """Documents with at least so many sentences in all, the same for the same seed."""
    generator = Generator(seed)
    documents: list[Document] = []
    made = 0
    while made < sentences:
        documents.append(generator.document(f"generated-{len(documents) + 1:04d}", min(LINES, sentences - made)))
        made += len(documents[-1].sentences or ())
    return documents


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m data.generator", description=__doc__.split("\n")[0])
    parser.add_argument("--sentences", type=int, default=20)
    parser.add_argument("--seed", type=int, default=13)
    options = parser.parse_args(arguments)
    print("\n".join(render(document) for document in generate(options.sentences, options.seed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
