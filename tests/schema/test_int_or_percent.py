"""Numbers that may be shares."""

from hypothesis import given
from hypothesis import strategies as st

from sekisho.api.field import Path
from sekisho.schema.validation.intorpercent import amount, validate_at_most_all, validate_int_or_percent

AT = Path("f")


@given(st.integers(-1000, 1000))
def test_numbers_from_zero_on_are_good(number):
    assert (validate_int_or_percent(AT, number) == []) == (number >= 0)
    assert validate_at_most_all(AT, number) == []
    assert amount(number) == number


@given(st.integers(0, 1000))
def test_shares_up_to_all_are_good(share):
    text = f"{share}%"
    assert validate_int_or_percent(AT, text) == []
    assert (validate_at_most_all(AT, text) == []) == (share <= 100)
    assert amount(text) == share


@given(st.text(max_size=8).filter(lambda text: not text.endswith("%")))
def test_other_texts_are_refused(text):
    [error] = validate_int_or_percent(AT, text)
    assert "a valid percent string must be a numeric string followed by an ending '%'" in error.body


def test_texts_that_are_numbers_count_as_them():
    assert [amount(text) for text in ("10", "+3", "-2", "x", "", "x%")] == [10, 3, -2, 0, 0, 0]
