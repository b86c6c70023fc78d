"""The status of Jobs: what a write may change of it."""

import pytest

from sekisho.schema.validation.jobstatus import validate_job_status_update

START, LATER = "2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"
INDEXED = {"completionMode": "Indexed", "completions": 3, "parallelism": 1}


def condition(kind):
    return {"type": kind, "status": "True"}


def complete(**more):
    conditions = [condition("SuccessCriteriaMet"), condition("Complete")]
    return {"conditions": conditions, "startTime": START, "completionTime": LATER, **more}


def complaints(new, old=None, **spec):
    errors = validate_job_status_update({"spec": spec, "status": new}, {"spec": spec, "status": old or {}})
    return [str(error).removeprefix("status.") for error in errors]


def test_a_finished_job_cannot_start_again():
    old = complete(completedIndexes="0,1", succeeded=2)
    new = {
        "active": 1,
        "ready": -1,
        "completedIndexes": "x",
        "completionTime": LATER,
        "succeeded": 2,
    }
    assert complaints(new, old, **INDEXED) == [
        "ready: Invalid value: -1: must be greater than or equal to 0",
        f'completionTime: Invalid value: "{LATER}": cannot set completionTime when there is no Complete=True'
        " condition",
        'completedIndexes: Invalid value: "x": error parsing completedIndexes: cannot convert string to integer'
        ' for index: "x"',
        "conditions: Invalid value: cannot disable the terminal Complete=True condition",
        "startTime: Invalid value: null: field is immutable for unsuspended job once set",
        "conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition",
    ]


def test_what_was_wrong_before_may_stay():
    wrong = {"completionTime": LATER, "active": 2, "ready": 5, "completedIndexes": "x"}
    assert complaints({**wrong, "succeeded": 1}, wrong, **INDEXED) == []


@pytest.mark.parametrize(
    ("new", "complaint"),
    [
        (complete(active=1), "active: Invalid value: 1: active>0 is invalid for finished job"),
        (complete(terminating=1), "terminating: Invalid value: 1: terminating>0 is invalid for finished job"),
        (complete(startTime=None), "startTime: Required value: startTime is required for finished job"),
        (
            complete(completionTime=None),
            "completionTime: Required value: completionTime is required for Complete jobs",
        ),
        (
            complete(startTime="2026-01-02T03:04:07Z"),
            f'completionTime: Invalid value: "{LATER}": completionTime cannot be set before startTime',
        ),
        (
            complete(uncountedTerminatedPods={"failed": ["u"]}),
            'uncountedTerminatedPods: Invalid value: {"Succeeded":null,"Failed":["u"]}: uncountedTerminatedPods'
            " needs to be empty for finished job",
        ),
        (
            {"conditions": [condition("Complete")], "startTime": START, "completionTime": LATER},
            "conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true"
            " condition",
        ),
        (
            {"conditions": [condition("Failed")], "startTime": START},
            "conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition",
        ),
        ({"ready": 1}, "ready: Invalid value: 1: cannot set more ready pods than active"),
        (
            {"uncountedTerminatedPods": {"succeeded": ["u"], "failed": ["u"]}},
            'uncountedTerminatedPods.failed[0]: Duplicate value: "u"',
        ),
        (
            {"uncountedTerminatedPods": {"succeeded": [""]}},
            'uncountedTerminatedPods.succeeded[0]: Invalid value: "": must not be empty',
        ),
        (
            {"completedIndexes": "0"},
            'completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed'
            " completion mode",
        ),
        (
            {"failedIndexes": ""},
            'failedIndexes: Invalid value: "": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
        ),
    ],
)
def test_complaints(new, complaint):
    given = {key: value for key, value in new.items() if value is not None}
    assert complaints(given) == [complaint]


def test_success_and_failure_exclude_each_other():
    new = complete()
    new["conditions"] += [condition("FailureTarget"), condition("Failed")]
    assert complaints(new) == [
        "conditions: Invalid value: cannot set Complete=True and Failed=true conditions",
        "conditions: Invalid value: cannot set Complete=True and FailureTarget=true conditions",
        "conditions: Invalid value: cannot set SuccessCriteriaMet=True and Failed=true conditions",
        "conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
    ]


def test_indexes_do_not_fail_and_succeed():
    new = {"completedIndexes": "0-1", "failedIndexes": "1"}
    assert complaints(new, backoffLimitPerIndex=1, **INDEXED) == [
        'failedIndexes: Invalid value: "1": failedIndexes and completedIndexes overlap at index: 1'
    ]


def test_counters_do_not_shrink():
    assert complaints({"failed": 1}, {"failed": 2, "succeeded": 1}) == [
        "failed: Invalid value: 1: cannot decrease the failed counter",
        "succeeded: Invalid value: 0: cannot decrease the succeeded counter",
    ]
    elastic = {"completionMode": "Indexed", "completions": 2, "parallelism": 2}
    assert complaints({}, {"succeeded": 1}, **elastic) == []


def test_the_completion_time_stays():
    later = "2026-01-02T03:04:09Z"
    assert complaints(complete(completionTime=later), complete()) == [
        f'completionTime: Invalid value: "{later}": completionTime cannot be mutated'
    ]


def test_the_start_of_a_suspended_job_may_go():
    assert complaints({}, {"startTime": START}, suspend=True) == []
