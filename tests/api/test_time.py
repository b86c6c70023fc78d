"""Times and durations in Go's spellings."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.api import time

YEAR = 365 * 86400


@given(st.integers(min_value=-62135596800, max_value=253402300799))
def test_whole_seconds_come_back(unix):
    assert time.parse_time(time.format_time(unix)) == unix
    assert time.parse_micro_time(time.format_micro_time(unix)) == unix


@given(st.datetimes(datetime.datetime(1950, 1, 1), datetime.datetime(2100, 1, 1)))
def test_microseconds_come_back(moment):
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert time.format_micro_time(time.parse_micro_time(text)) == text
    assert time.format_time(time.parse_time(text)) == text[:19] + "Z"


@given(st.datetimes())
def test_canonical_forms_are_exact(moment):
    text = f"{moment.year:04d}{moment.strftime('-%m-%dT%H:%M:%S.%fZ')}"
    assert time.canonical_micro_time(text) == text
    assert time.canonical_time(text) == text[:19] + "Z"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05.999999999Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z"),
        ("2026-01-02T03:04:05-00:30", "2026-01-02T03:34:05Z"),
        ("2026-01-02T3:04:05,5Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05+24:00", "2026-01-01T03:04:05Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
        ("0000-02-29T00:00:00Z", "0000-02-29T00:00:00Z"),
    ],
)
def test_spellings_go_accepts(text, canonical):
    assert time.format_time(time.parse_time(text)) == canonical
    assert time.canonical_time(text) == canonical


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("yesterday", 'cannot parse "yesterday" as "2006"'),
        ("", 'cannot parse "" as "2006"'),
        ("2026", 'cannot parse "" as "-"'),
        ("2026-1-02T03:04:05Z", 'cannot parse "1-02T03:04:05Z" as "01"'),
        ("2026-01-02", 'cannot parse "" as "T"'),
        ("2026-01-02 03:04:05Z", 'cannot parse " 03:04:05Z" as "T"'),
        ("2026-01-02T03:04:05", 'cannot parse "" as "Z07:00"'),
        ("2026-01-02T03:04:05.5", 'cannot parse "" as "Z07:00"'),
        ("2026-01-02T03:04:05é", 'cannot parse "\\xc3\\xa9" as "Z07:00"'),
    ],
)
def test_refusals(text, complaint):
    with pytest.raises(ValueError, match="parsing time") as caught:
        time.parse_time(text)
    assert str(caught.value).endswith(f' as "2006-01-02T15:04:05Z07:00": {complaint}')


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("2026-13-02T03:04:05Z", "month out of range"),
        ("2026-02-30T03:04:05Z", "day out of range"),
        ("2026-02-00T03:04:05Z", "day out of range"),
        ("2026-01-02T24:04:05Z", "hour out of range"),
        ("2026-01-02T03:60:05Z", "minute out of range"),
        ("2026-01-02T03:04:60Z", "second out of range"),
        ("2026-01-02T03:04:05+25:00", "time zone offset hour out of range"),
        ("2026-01-02T03:04:05+00:61", "time zone offset minute out of range"),
        ("2026-01-02T03:04:05Zulu", 'extra text: "ulu"'),
    ],
)
def test_values_out_of_range(text, complaint):
    with pytest.raises(ValueError, match="parsing time") as caught:
        time.parse_time(text)
    assert str(caught.value) == f'parsing time "{text}": {complaint}'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("2026-01-02T03:04:05Z", 'cannot parse "Z" as ".000000"'),
        ("2026-01-02T03:04:05.123Z", 'cannot parse ".123Z" as ".000000"'),
        ("2026-01-02T03:04:05.123456789Z", 'cannot parse "789Z" as "Z07:00"'),
    ],
)
def test_micro_times_want_six_digits(text, complaint):
    with pytest.raises(ValueError, match="parsing time") as caught:
        time.parse_micro_time(text)
    assert str(caught.value).endswith(f' as "2006-01-02T15:04:05.000000Z07:00": {complaint}')


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1.9, "0s"),
        (0, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (599, "9m59s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (8 * 3600 - 1, "7h59m"),
        (8 * 3600 + 60, "8h"),
        (48 * 3600 - 1, "47h"),
        (48 * 3600, "2d"),
        (49 * 3600, "2d1h"),
        (192 * 3600, "8d"),
        (2 * YEAR - 1, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + 86400, "2y1d"),
        (8 * YEAR + 86400, "8y"),
    ],
)
def test_human_durations(seconds, text):
    assert time.human_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("-0", 0),
        ("1h30m", 5400),
        ("-1.5s", -1.5),
        ("300ms", 0.3),
        (".5m", 30),
        ("1.s", 1),
        ("+5us", 5e-6),
    ],
)
def test_durations(text, seconds):
    assert time.parse_go_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("abc", 'time: invalid duration "abc"'),
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        (".s", 'time: invalid duration ".s"'),
        ("10", 'time: missing unit in duration "10"'),
        ("1h5", 'time: missing unit in duration "1h5"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        ("1 s", 'time: unknown unit " s" in duration "1 s"'),
        ("9223372037s", 'time: invalid duration "9223372037s"'),
        ("99999999999999999999s", 'time: invalid duration "99999999999999999999s"'),
    ],
)
def test_durations_go_refuses(text, complaint):
    with pytest.raises(ValueError, match="time: ") as caught:
        time.parse_go_duration(text)
    assert str(caught.value) == complaint


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (1_500_000_000, "1.5s"),
        (60 * 10**9, "1m0s"),
        (3600 * 10**9, "1h0m0s"),
        (-90 * 10**9, "-1m30s"),
    ],
)
def test_durations_as_go_writes_them(nanoseconds, text):
    assert time.format_go_nanoseconds(nanoseconds) == text


@given(st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1))
def test_durations_come_back(nanoseconds):
    assert time.parse_go_nanoseconds(time.format_go_nanoseconds(nanoseconds)) == nanoseconds
