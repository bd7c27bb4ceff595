"""Search words, without a store."""

from __future__ import annotations

import unicodedata
from typing import Literal, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.rules.search import tokens, words

STABLE = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
WORD = st.text("abzÄöß'-.", min_size=1, max_size=10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" ... - _ ", []),
        ("Dr. Smith", ["dr", "smith"]),
        ("smith SMITH (Smith)", ["smith"]),
        ("CASE-2024-001,", ["case-2024-001"]),
        ("o'Brien__", ["o'brien"]),
        ("Straße", ["strasse"]),
        ("\uff21\uff22", ["ab"]),
        ("a\u00a0b\u3000c\nd", ["a", "b", "c", "d"]),
        ("№1", ["no1"]),
    ],
)
def test_the_words_of_a_text_are_folded_and_without_punctuation_around_them(
    text: str, expected: list[str]
) -> None:
    assert words(text) == expected


@STABLE
@given(st.text(max_size=60), st.sampled_from(get_args(Form)))
def test_a_text_has_the_same_words_in_every_normal_form(text: str, form: Form) -> None:
    normal = unicodedata.normalize(form, text)

    assert words(normal) == words(text)
    assert tokens("A", normal, None) == tokens("A", text, None)


@STABLE
@given(st.text(max_size=60), st.text(max_size=60))
def test_a_case_is_found_by_all_of_its_own_words(title: str, summary: str) -> None:
    kept = tokens("CASE-2024-001", title, summary)

    assert {*words(title), *words(summary), "case-2024-001", "2024"} <= set(kept)
    assert kept == sorted(set(kept))


@STABLE
@given(st.lists(WORD, min_size=1, max_size=4), st.data())
def test_a_case_is_found_while_a_word_of_its_title_is_typed(
    title: list[str], data: st.DataObject
) -> None:
    word = data.draw(st.sampled_from(title))
    typed = word[: data.draw(st.integers(1, len(word)))]

    assert set(words(typed)) <= set(tokens("A", " ".join(title), None))


@STABLE
@given(WORD)
def test_words_of_a_summary_are_found_whole_only(word: str) -> None:
    kept = tokens("A", "", f"prefix{word}")

    assert "prefi" not in kept


def test_the_longest_title_keeps_a_bounded_number_of_tokens() -> None:
    title = " ".join(f"{number:05x}abcdefghijklmnop" for number in range(13))

    assert len(title) <= 300
    assert len(tokens("A", title, None)) <= 300
