"""Search words, without a store: what is kept of a case, and what finds it."""

from __future__ import annotations

import unicodedata
from typing import Literal, get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.models.case_queries import Search
from shared.rules.search import former_token, matcher, token, tokens
from tests.reliability.support import LOAD
from tests.rows import each_row
from tests.unit.examples import STABLE

Form = Literal["NFC", "NFD"]
MANY = settings(STABLE, max_examples=150 * LOAD)

# What titles are made of, and what has been hard to find in them.
HARD = (
    "aZ019 -.'\u2019_@/:,;+()ÄöéßøŁ\u0131İæ\u2011\u0301\u00ad\u03c3\u03c2"
    "反洗钱审東カタがはก็รम्ि한국ﬁ№"
)
TITLES = st.one_of(st.text(HARD, max_size=40), st.text(max_size=40))
SEARCHES: TypeAdapter[str] = TypeAdapter(Search)


def finds(search: str, title: str, summary: str | None = None) -> bool:
    """Whether a case is found: by the index, where it has a token for it, and by its row."""
    kept = tokens("A-1", title, summary, None)
    asked = token(search)
    return (asked is None or asked in kept) and matcher(search)("A-1", title, summary, None)


def searchable(text: str) -> bool:
    """Whether a search may be this."""
    try:
        SEARCHES.validate_python(text)
    except ValidationError:
        return False
    return True


@MANY
@given(TITLES, st.data())
def test_a_case_is_found_by_each_word_of_its_title_from_the_first_letter_on(
    title: str, data: st.DataObject
) -> None:
    for word in title.split():
        typed = word[: data.draw(st.integers(1, len(word)))]
        if searchable(typed):
            assert finds(typed, title), typed


@MANY
@given(TITLES)
def test_a_case_is_found_by_all_of_its_title_and_by_each_word_of_its_summary(text: str) -> None:
    for search in [text, *text.split()]:
        if searchable(search):
            assert finds(search, text), search
            assert finds(search, "", text), search


@MANY
@given(TITLES, TITLES)
def test_what_matches_has_the_token_that_the_index_is_asked_for(search: str, text: str) -> None:
    asked = token(search)

    for title, summary in ((text, None), ("", text)):
        if asked and matcher(search)("A-1", title, summary, None):
            assert asked in tokens("A-1", title, summary, None)


@STABLE
@given(st.text(max_size=60), st.sampled_from(get_args(Form)))
def test_a_text_keeps_the_same_in_every_canonical_form(text: str, form: Form) -> None:
    normal = unicodedata.normalize(form, text)

    assert tokens("A", normal, normal, normal) == tokens("A", text, text, text)
    assert token(normal) == token(text)


@each_row(
    ("search", "asked"),
    [
        ("dr", None),
        ("S-0", None),
        ("审", None),
        ("dr smi", "smi"),
        ("smith", "smith"),
        ("sarah applications", "sarah"),
        ("CASE-2024-001", "case2024001"),
        ("case-2024", "case2024"),
        ("a3bb189e-8bf9-3888", "a3bb189e"),
        ("案件审查", "案件"),
        ("案件审查 kyc", "kyc"),
    ],
)
def test_an_index_is_asked_for_the_longest_beginning_that_is_sure_to_be_kept(
    search: str, asked: str | None
) -> None:
    assert token(search) == asked


@STABLE
@given(st.text(max_size=30))
def test_a_search_that_is_taken_has_a_word(text: str) -> None:
    if searchable(text):
        assert not matcher(text)("", "", "", "")


@each_row("chain", ["1-2-3-4-5-", "1234-", "12345678-", "1 ", "审查", "12-34.56_78@90/", "a'b"])
def test_the_longest_texts_keep_fewer_tokens_than_they_have_letters(chain: str) -> None:
    title, summary = (chain * 300)[:300], (f"{chain}" * 10_000)[:10_000]
    mixed = "".join(f"{chain}{number:04x}" for number in range(10_000))[:10_000]

    assert len(tokens("A", title, summary, None)) <= 10_300
    assert len(tokens("A", title, mixed, None)) <= 10_300


@each_row(
    ("search", "asked"),
    [("Smith", "smith"), ("a (Longer) zz", "longer"), ("\uff33-1", "s-1"), ("_zz_ bbb", "bbb")],
)
def test_cases_of_the_first_release_are_asked_for_by_their_longest_word(
    search: str, asked: str
) -> None:
    assert former_token(search) == asked


@each_row("search", ["4930123", "+49 30 123", "+4930", "+49 (0)30/12", "30"])
def test_a_telephone_number_is_found_however_its_digits_are_grouped(search: str) -> None:
    found = finds(search, "Call +49 30 123", "")

    assert found == (search != "+49 (0)30/12")


@each_row(("search", "found"), [("appli", True), ("appl", False), ("dog", True), ("do", False)])
def test_in_a_summary_a_beginning_of_five_letters_is_found_and_else_a_whole_word(
    search: str, *, found: bool
) -> None:
    assert finds(search, "A title", "applications dog") == found


UUID = "a3bb189e-8bf9-3888-9912-ace4e6543002"


@each_row(
    ("title", "summary", "kept"),
    [
        ("A", None, ""),
        ("A", "", ""),
        ("applications", None, "app appli"),
        ("A", "applications", "appli"),
        ("A", "apple", "apple"),
        ("A", "dogs do", "dog"),
        ("CASE-2024-001", None, "001 202 20240 cas case2 case2024 case2024001"),
        ("A", "CASE-2024-001", "001 202 20240 cas case2 case2024 case2024001"),
        (UUID, None, "a3b a3bb1 a3bb189e"),
        ("A", UUID, "a3bb1 a3bb189e"),
        ("案件审查", None, "件审 审查 案件"),
        ("A", "案件审查", "件审 审查 案件"),
        ("O`Brien", None, "bri brien obr obrie"),
        ("O\u2019Brien", None, "bri brien obr obrie"),
        ("Müller", None, "mul mulle"),
    ],
)
def test_beginnings_of_a_few_lengths_are_kept_of_a_word_and_fewer_of_one_in_the_summary(
    title: str, summary: str | None, kept: str
) -> None:
    assert tokens("A-1", title, summary, None) == kept.split()


def test_each_piece_of_a_script_without_spaces_may_be_in_the_title_or_in_the_summary() -> None:
    matches = matcher("案件 审查")

    assert matches("A-1", "案件审查", None, None)
    assert matches("A-1", "A", "案件审查", None)
    assert matches("A-1", "案件", "审查", None)
    assert not matches("A-1", "案件", "案件", None)
    assert not matches("A-1", "A", None, None)


def test_a_uuid_is_found_by_its_first_part_and_by_no_other() -> None:
    for title, summary in ((UUID, None), ("A", UUID)):
        assert matcher(UUID[:13])("A-1", title, summary, None)
        assert not matcher(UUID[9:])("A-1", title, summary, None)
        assert not matcher(UUID[9:13])("A-1", title, summary, None)


def test_a_case_is_found_by_its_submission_id() -> None:
    kept = tokens("A-1", "A title", None, "SUB-77")

    assert token("sub-77") in kept
    assert matcher("sub-77")("A-1", "A title", None, "SUB-77")
    assert not matcher("sub-77")("A-1", "A title", None, None)


def test_a_uuid_in_a_summary_is_found_as_a_whole() -> None:
    assert finds(UUID, "A title", f"See {UUID}.")
    assert not finds(UUID[:-1], "A title", f"See {UUID[1:]}.")


def test_a_text_that_a_case_lacks_is_as_an_empty_one() -> None:
    assert tokens("A-1", "A title", None, None) == tokens("A-1", "A title", "", "")
    for search in ("xxxx", "none"):
        assert not matcher(search)("A-1", "A title", None, None)
