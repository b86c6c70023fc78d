"""Sets of completion indexes, against sets of numbers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.schema.validation.jobindexes import count_indexes, first_overlap

SETS = st.sets(st.integers(0, 40))


def written(numbers):
    """As the job controller writes a set."""
    parts = []
    for number in sorted(numbers):
        if number - 1 in numbers:
            parts[-1] = (parts[-1][0], number)
        else:
            parts.append((number, number))
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


@given(SETS)
def test_all_indexes_are_counted(numbers):
    assert count_indexes(written(numbers), 41) == len(numbers)


@given(SETS, SETS)
def test_overlaps_are_found(completed, failed):
    found = first_overlap(written(completed), written(failed), 41)
    common = completed & failed
    assert (found is None) == (not common)
    assert found is None or found in common


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x", 'cannot convert string to integer for index: "x"'),
        ("1-y", 'cannot convert string to integer for index: "y"'),
        ("5", 'too large index: "5"'),
        ("1-7", 'too large index: "7"'),
        ("2,1", "non-increasing order, previous: 2, current: 1"),
        ("3-3", "non-increasing order, previous: 3, current: 3"),
        (
            "1-2-3",
            'the fragment "1-2-3" violates the requirement that an index interval can have at most two parts'
            " separated by '-'",
        ),
    ],
)
def test_complaints(text, complaint):
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        count_indexes(text, 5)


def test_what_does_not_parse_overlaps_nothing():
    assert first_overlap("x,1", "y,1", 5) == 1
    assert first_overlap("x", "1", 5) is None
