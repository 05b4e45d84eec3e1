"""Generated sentences: exact labels, relations that nesting implies, the same for the same seed."""

from __future__ import annotations

import re

import pytest

from data import generator as module
from data.documents import Document, Entity, Relation
from data.generator import Generator, generate, implied, main, rules
from data.markup import parse, render
from data.schema import ORGANISATIONS, PARTY_BUILDING


def test_the_same_seed_gives_the_same() -> None:
    assert generate(40, 3) == generate(40, 3)
    assert generate(40, 3) != generate(40, 4)


def test_so_many_sentences_as_asked() -> None:
    for wanted in (1, 6, 7, 40):
        documents = generate(wanted)
        assert sum(document.text.count("\n") + 1 for document in documents) >= wanted
        assert sum(document.text.count("\n") + 1 for document in documents) <= wanted + 1
        assert len({document.id for document in documents}) == len(documents)


def test_every_type_and_relation_is_made() -> None:
    documents = generate(1500)
    assert {e.type for d in documents for e in d.entities} == set(PARTY_BUILDING.entity_types)
    assert {r.type for d in documents for r in d.relations} == set(PARTY_BUILDING.relation_names)


def test_nothing_is_left_unexpanded_and_nothing_is_blank() -> None:
    for document in generate(1500):
        assert not re.search(r"[<>\[\]]|\(\w+_", document.text)
        assert "  " not in document.text
        for entity in document.entities:
            assert entity.text == entity.text.strip()


def test_it_is_markup_and_back() -> None:
    for document in generate(60):
        (again,) = parse(render(document))
        assert [e.key for e in again.entities] == [e.key for e in document.entities]
        assert len(again.relations) == len(document.relations)


def test_nesting_implies_relations() -> None:
    for document in generate(300):
        found = {(r.type, r.head, r.tail) for r in document.relations}
        for outer in document.entities:
            inside = [e for e in document.entities if e is not outer and outer.start <= e.start and e.end <= outer.end]
            for inner in inside:
                if outer.type in ORGANISATIONS and inner.type == "LOCATION":
                    assert ("LOCATED_IN", outer.id, inner.id) in found
            if outer.type == "ROLE" and any(e.type in ORGANISATIONS for e in inside):
                assert any(type_ == "AT" and head == outer.id for type_, head, _ in found)


def test_at_goes_to_the_outermost_organisation() -> None:
    text = "Bí thư Đảng ủy Công an tỉnh"
    spans = (Entity("r", "ROLE", 0, 27), Entity("p", "PARTY_ORG", 7, 27), Entity("s", "STATE_ORG", 15, 27))
    assert implied(Document("a", text, spans)).relations == (Relation("AT", "r", "p"),)


def test_no_rule_is_without_use() -> None:
    used = {name for ways in rules().values() for way in ways for name in re.findall(r"<([a-z_]+)>", way)}
    assert used - set(rules()) <= set(Generator(1).built_in)
    assert set(rules()) - used <= {"sentence", "central_state"}


def test_a_symbol_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "rules", lambda: {"sentence": ["<nowhere>"], "loop": ["<loop>"]})
    with pytest.raises(ValueError, match="symbol <nowhere> is not defined"):
        Generator(1).expand("sentence")
    with pytest.raises(ValueError, match="symbol <loop> is endless"):
        Generator(1).expand("loop")


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sentences", "3", "--seed", "5"]) == 0
    (document,) = parse(capsys.readouterr().out)
    assert document.text.count("\n") == 2
