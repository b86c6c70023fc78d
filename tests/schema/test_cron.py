"""Schedules of CronJobs: what each field allows, and the library's words for what it does not."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.schema.cron import Every, Schedule, parse_schedule, split_zone


def fields(text):
    schedule = parse_schedule(text)
    assert isinstance(schedule, Schedule)
    return schedule


def test_every_field_takes_lists_ranges_steps_and_names():
    schedule = fields("*/20 0-6/3,22 ? jan-mar MON,wed")
    assert schedule.minutes == {0, 20, 40}
    assert schedule.hours == {0, 3, 6, 22}
    assert schedule.days == set(range(1, 32))
    assert schedule.months == {1, 2, 3}
    assert schedule.weekdays == {1, 3}
    assert (schedule.any_day, schedule.any_weekday) == (True, False)


def test_a_number_with_a_step_runs_to_the_end_of_its_field():
    assert fields("50/5 * * * *").minutes == {50, 55}


def test_a_star_with_a_step_is_no_star():
    assert not fields("0 0 */2 * *").any_day
    assert fields("0 0 */1 * *").any_day


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ],
)
def test_descriptors(text, same):
    assert parse_schedule(text) == parse_schedule(same)


def test_periods_are_whole_seconds_and_at_least_one():
    assert parse_schedule("@every 90m") == Every(5400)
    assert parse_schedule("@every 10ms") == Every(1)
    assert parse_schedule("@every 2500ms") == Every(2)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty spec string"),
        ("hello", "expected exactly 5 fields, found 1: [hello]"),
        ("0 0 0 1 1 *", "expected exactly 5 fields, found 6: [0 0 0 1 1 *]"),
        ("61 * * * *", "end of range (61) above maximum (59): 61"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("-1 * * * *", 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax'),
        ("@sometimes", "unrecognized descriptor: @sometimes"),
        ("@every soon", 'failed to parse duration @every soon: time: invalid duration "soon"'),
    ],
)
def test_complaints(text, complaint):
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        parse_schedule(text)


def test_a_zone_stands_in_front():
    assert split_zone("CRON_TZ=Asia/Tokyo 0 0 * * *") == ("Asia/Tokyo", "0 0 * * *")
    assert split_zone("TZ=UTC @daily") == ("UTC", "@daily")
    assert split_zone("@daily") == ("", "@daily")


@given(st.integers(0, 59), st.integers(0, 59), st.integers(1, 59))
def test_ranges_hold_what_counting_holds(low, high, step):
    text = f"{low}-{high}/{step} * * * *"
    if low > high:
        with pytest.raises(ValueError, match="beyond end of range"):
            parse_schedule(text)
    else:
        assert fields(text).minutes == set(range(low, high + 1, step))


@given(st.text(max_size=30))
def test_any_text_is_a_schedule_or_a_complaint(text):
    with contextlib.suppress(ValueError):
        assert isinstance(parse_schedule(text), Schedule | Every)
