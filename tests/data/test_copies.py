"""Groups of texts that share long runs of words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from data.copies import near_copies, shingles


def numbered(start: int, stop: int) -> str:
    """A text of distinct words."""
    return " ".join(f"từ{n}" for n in range(start, stop))


def test_shingles_are_runs_of_words() -> None:
    assert len(shingles(numbered(0, 12))) == 1
    assert len(shingles(numbered(0, 30))) == 19
    assert shingles(numbered(0, 11)) == set()
    assert len(shingles("a b a b a b", size=2)) == 2


def test_shingles_ignore_case_and_punctuation() -> None:
    assert shingles("Chợ, đò… BẾN_sông!", size=2) == shingles("chợ đò “bến” sông", size=2)
    assert shingles("chợ đò", size=2) != shingles("đò chợ", size=2)


def test_groups_carry_the_index_of_their_first_member() -> None:
    texts = [numbered(0, 40), numbered(100, 140), numbered(100, 140).upper(), numbered(0, 40) + ".", numbered(200, 240)]
    assert near_copies(texts) == [0, 1, 1, 0, 4]


def test_copies_of_copies_are_one_group() -> None:
    texts = [numbered(0, 30), numbered(60, 90), numbered(15, 75)]
    assert near_copies([texts[0], texts[1]]) == [0, 1]
    assert near_copies(texts) == [0, 0, 0]


def test_by_default_a_run_of_twelve_words_counts() -> None:
    for common, groups in ((11, [0, 1]), (12, [0, 0])):
        assert near_copies([numbered(0, 20), numbered(0, common) + " " + numbered(50, 70 - common)]) == groups


def test_share_is_of_the_shorter_text() -> None:
    """The short text has 10 runs of 2 words; one to three of them stand in the long one."""
    short = numbered(0, 11)
    for common, together in ((2, False), (3, True), (4, True)):
        long = numbered(0, common) + " " + numbered(500, 900)
        groups = near_copies([long, short], size=2, share=0.2)
        assert groups == ([0, 0] if together else [0, 1])


def test_a_text_inside_a_longer_one_is_a_copy() -> None:
    assert near_copies([numbered(0, 1000), numbered(700, 720)]) == [0, 0]


def test_texts_shorter_than_one_run_have_no_copies() -> None:
    assert near_copies(["chợ đò", "chợ đò", ""]) == [0, 1, 2]
    assert near_copies([]) == []


PARTS = st.lists(st.integers(0, 5), max_size=4).map(
    lambda starts: " ".join(numbered(20 * n, 20 * n + 20) for n in starts)
)


@given(st.lists(PARTS, max_size=6))
def test_groups_are_consistent(texts: list[str]) -> None:
    groups = near_copies(texts)
    assert len(groups) == len(texts)
    for index, group in enumerate(groups):
        assert group <= index
        assert groups[group] == group
    for index, text in enumerate(texts):
        for other, same in enumerate(texts):
            if text == same and shingles(text):
                assert groups[index] == groups[other]
