"""What `predict()` returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from data.articles import Removal
from data.documents import Entity, Relation


@dataclass(frozen=True)
class Prediction:
    """Entities and relations of one text, with offsets in the caller's own string.

    `text[entity.start : entity.end] == entity.text` for every entity. Relations name entities by id.
    `removed` lists what `clean=True` took for site furniture, with reasons. `distant_pairs` counts
    pairs that were not scored because they stand further apart than the model looks (an over-long
    sentence only; see `ExtractorConfig.relation_distance`).
    """

    text: str
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()
    removed: tuple[Removal, ...] = ()
    id: str = ""
    distant_pairs: int = 0

    def entity(self, name: str) -> Entity:
        """The entity of that id.

        Raises:
            KeyError: there is none.
        """
        for entity in self.entities:
            if entity.id == name:
                return entity
        raise KeyError(f"no entity {name!r}; there are {len(self.entities)}: e1 to e{len(self.entities)}")

    def triples(self) -> Iterator[tuple[Entity, Relation, Entity]]:
        """Each relation with its head and tail."""
        by_id = {entity.id: entity for entity in self.entities}
        for relation in self.relations:
            yield by_id[relation.head], relation, by_id[relation.tail]

    def to_dict(self) -> dict[str, Any]:
        """The exchange format; every key is present even when its list is empty."""
        return {
            "id": self.id,
            "text": self.text,
            "entities": [entity.to_dict() for entity in self.entities],
            "relations": [relation.to_dict() for relation in self.relations],
        }

    def __str__(self) -> str:
        lines = [f"{e.id:>5}  {e.type:10} {_percent(e.score)}  {e.text}" for e in self.entities]
        lines += [f"       {r.type}({h.text} -> {t.text}) {_percent(r.score)}" for h, r, t in self.triples()]
        return "\n".join(lines) or "(nothing found)"


def _percent(score: float | None) -> str:
    return "    " if score is None else f"{100 * score:3.0f}%"
