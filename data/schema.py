"""Entity and relation types: the vocabulary every other module shares.

The meaning of each type is in the annotation guidelines (version below). Nothing else in the
package spells a type name out: data, model, scorer and report all read them from a `Schema`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

GUIDELINES_VERSION = "1.1"


@dataclass(frozen=True, slots=True)
class RelationType:
    """A directed relation and the entity types it may join."""

    name: str
    heads: tuple[str, ...]
    tails: tuple[str, ...]

    def allows(self, head: str, tail: str) -> bool:
        """Whether an entity of type `head` may have this relation to one of type `tail`."""
        return head in self.heads and tail in self.tails


@dataclass(frozen=True)
class Schema:
    """A closed set of entity types and relation types.

    `flat` says that entities of different types never overlap, as in CoNLL data: the model then
    uses one tag track for all types instead of one per type.
    """

    entity_types: tuple[str, ...]
    relation_types: tuple[RelationType, ...] = ()
    flat: bool = False
    name: str = field(default="custom", compare=False)

    def __post_init__(self) -> None:
        for kind, names in (
            ("entity", self.entity_types),
            ("relation", self.relation_names),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{kind} types named more than once: {', '.join(twice)}")
        for relation in self.relation_types:
            unknown = sorted({*relation.heads, *relation.tails} - set(self.entity_types))
            if unknown:
                raise ValueError(f"relation {relation.name} joins unknown entity types: {', '.join(unknown)}")

    @property
    def relation_names(self) -> tuple[str, ...]:
        return tuple(relation.name for relation in self.relation_types)

    @cached_property
    def type_index(self) -> Mapping[str, int]:
        """Index of each entity type in `entity_types`."""
        return {type_: index for index, type_ in enumerate(self.entity_types)}

    @cached_property
    def relations(self) -> Mapping[str, RelationType]:
        """Relation types by name."""
        return {relation.name: relation for relation in self.relation_types}

    @cached_property
    def _between(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        return {
            (head, tail): tuple(r.name for r in self.relation_types if r.allows(head, tail))
            for head in self.entity_types
            for tail in self.entity_types
        }

    def between(self, head: str, tail: str) -> tuple[str, ...]:
        """Names of the relations that may hold from type `head` to type `tail`; empty if none."""
        return self._between.get((head, tail), ())

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "entity_types": list(self.entity_types),
            "relation_types": [
                {"name": r.name, "heads": list(r.heads), "tails": list(r.tails)} for r in self.relation_types
            ],
            "flat": self.flat,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Schema:
        return cls(
            entity_types=tuple(values["entity_types"]),
            relation_types=tuple(
                RelationType(r["name"], tuple(r["heads"]), tuple(r["tails"])) for r in values["relation_types"]
            ),
            flat=bool(values.get("flat", False)),
            name=values.get("name", "custom"),
        )

    @classmethod
    def flat_of(cls, types: Iterable[str]) -> Schema:
        """A schema without relations whose entities never overlap (CoNLL data)."""
        return cls(entity_types=tuple(sorted(set(types))), flat=True)


ORGANISATIONS = ("PARTY_ORG", "STATE_ORG", "MASS_ORG", "OTHER_ORG")

PARTY_BUILDING = Schema(
    name="party-building",
    entity_types=(
        "PERSON",
        "ROLE",
        *ORGANISATIONS,
        "LOCATION",
        "EVENT",
        "DOCUMENT",
        "TERM",
        "DATE",
        "QUANTITY",
    ),
    relation_types=(
        RelationType("HOLDS", ("PERSON",), ("ROLE",)),
        RelationType("AT", ("ROLE",), ORGANISATIONS),
        RelationType("LOCATED_IN", (*ORGANISATIONS, "EVENT"), ("LOCATION",)),
        RelationType("HELD_ON", ("EVENT",), ("DATE",)),
        RelationType("ORGANIZED_BY", ("EVENT",), ORGANISATIONS),
        RelationType("CHAIRS", ("PERSON",), ("EVENT",)),
        RelationType("ATTENDS", ("PERSON",), ("EVENT",)),
        RelationType("ISSUED_BY", ("DOCUMENT",), ORGANISATIONS),
        RelationType("ISSUED_ON", ("DOCUMENT",), ("DATE",)),
        RelationType("IN_TERM", ("ROLE", *ORGANISATIONS, "EVENT", "DOCUMENT"), ("TERM",)),
    ),
)
"""The task: types and signatures as in the annotation guidelines, sections 2 and 3."""
