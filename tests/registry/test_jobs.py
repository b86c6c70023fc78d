"""Jobs and CronJobs over HTTP: generated selectors, policies, what may change."""

import json

import pytest

MERGE = {"Content-Type": "application/merge-patch+json"}


def template(labels=None, **spec):
    metadata = {"labels": labels} if labels else {}
    spec = {"containers": [{"name": "c", "image": "i:1"}], "restartPolicy": "Never", **spec}
    return {"metadata": metadata, "spec": spec}


class Batch:
    def __init__(self, api, namespace, resource):
        self.api = api
        self.base = f"/apis/batch/v1/namespaces/{namespace}/{resource}"

    def call(self, method, path, expect, **request):
        response = self.api.request(method, path, **request)
        assert response.status_code == expect, response.text
        return response.json()

    def post(self, spec, expect=201, query="", **metadata):
        body = {"metadata": {"name": "j", **metadata}, "spec": spec}
        return self.call("POST", self.base + query, expect, json=body)

    def patch(self, body, expect=200, sub=""):
        return self.call("PATCH", f"{self.base}/j{sub}", expect, json=body, headers=MERGE)


class Jobs(Batch):
    def create(self, expect=201, query="", labels=None, pod=None, metadata=None, **spec):
        spec = {"template": template(labels, **(pod or {})), "suspend": True, **spec}
        return self.post(spec, expect, query, **(metadata or {}))

    def complaints(self, **spec):
        return self.create(422, "?dryRun=All", **spec)["message"].split(" is invalid: ", 1)[1]


@pytest.fixture
def jobs(api, namespace):
    return Jobs(api, namespace, "jobs")


@pytest.fixture
def cron_jobs(api, namespace):
    return Batch(api, namespace, "cronjobs")


def test_the_selector_is_generated(jobs):
    job = jobs.create()
    uid = job["metadata"]["uid"]
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "j",
        "controller-uid": uid,
        "job-name": "j",
    }
    assert job["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert job["spec"]["template"]["metadata"]["labels"] == labels
    assert job["metadata"]["labels"] == labels


def test_a_job_without_labels_takes_its_templates(jobs):
    job = jobs.create(query="?dryRun=All", labels={"a": "b"})
    assert job["metadata"]["labels"] == job["spec"]["template"]["metadata"]["labels"]
    own = jobs.create(query="?dryRun=All", labels={"a": "b"}, metadata={"labels": {"a": "b"}})
    assert own["metadata"]["labels"] == {"a": "b"}
    named = jobs.create(query="?dryRun=All", labels={"a": "b"}, metadata={"name": "", "generateName": "g-"})
    assert named["metadata"]["labels"] == named["spec"]["template"]["metadata"]["labels"]


def test_labels_that_only_the_server_gives_are_checked(jobs):
    answer = jobs.create(422, labels={"job-name": "other"})
    assert [cause["field"] for cause in answer["details"]["causes"]] == [
        "spec.template.metadata.labels[job-name]"
    ]
    assert answer["message"].endswith(": must be 'j'")


def test_a_selector_of_ones_own_needs_a_word(jobs):
    selector = {"matchLabels": {"a": "b"}}
    assert "`selector` not auto-generated" in jobs.complaints(labels={"a": "b"}, selector=selector)
    made = jobs.create(query="?dryRun=All", labels={"a": "b"}, selector=selector, manualSelector=True)
    assert made["spec"]["selector"] == selector


def test_the_name_of_the_last_pod_must_be_one(jobs):
    name = "x" * 62
    answer = jobs.create(422, metadata={"name": name}, completionMode="Indexed", completions=11)
    [cause] = answer["details"]["causes"]
    assert cause["message"].endswith(f"will not able to create pod with invalid DNS label: {name}-10")


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (
            {"completionMode": "Odd"},
            'spec.completionMode: Unsupported value: "Odd": supported values: "NonIndexed", "Indexed"',
        ),
        (
            {"completionMode": "Indexed", "parallelism": 1},
            "spec.completions: Required value: when completion mode is Indexed",
        ),
        (
            {"backoffLimitPerIndex": 1},
            "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode",
        ),
        (
            {"completionMode": "Indexed", "completions": 2, "maxFailedIndexes": 3, "backoffLimitPerIndex": 1},
            "spec.maxFailedIndexes: Invalid value: 3: must be less than or equal to completions",
        ),
        (
            {"completionMode": "Indexed", "completions": 100_001, "backoffLimitPerIndex": 1},
            "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
        ),
        ({"managedBy": "me"}, 'spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as'),
        (
            {"podReplacementPolicy": "Odd"},
            'spec.podReplacementPolicy: Unsupported value: "Odd": supported values: "Failed",'
            ' "TerminatingOrFailed"',
        ),
        (
            {"successPolicy": {"rules": [{"succeededCount": 1}]}},
            'spec.successPolicy: Invalid value: {"Rules":[{"SucceededIndexes":null,"SucceededCount":1}]}:'
            " requires indexed completion mode",
        ),
        (
            {"pod": {"restartPolicy": "Always"}},
            'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
        ),
        (
            {"pod": {"restartPolicy": "OnFailure"}, "podFailurePolicy": {"rules": []}},
            'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when'
            " podFailurePolicy is specified",
        ),
    ],
)
def test_complaints(jobs, spec, complaint):
    assert jobs.complaints(**spec).startswith(complaint)


def test_failure_policies(jobs):
    rules = [
        {"action": "", "onExitCodes": {"operator": "", "values": []}},
        {"action": "FailIndex", "onExitCodes": {"operator": "In", "containerName": "d", "values": [2, 0, 2]}},
        {"action": "Odd", "onPodConditions": [{"type": "a b", "status": "Maybe"}]},
        {"action": "Count"},
    ]
    answer = jobs.create(422, podFailurePolicy={"rules": rules})
    causes = [f"{cause['field']}: {cause['message']}" for cause in answer["details"]["causes"]]
    at = "spec.podFailurePolicy.rules"
    assert causes[:-3] == [
        f'{at}[0].action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]',
        f'{at}[0].onExitCodes.operator: Required value: valid values: ["In" "NotIn"]',
        f"{at}[0].onExitCodes.values: Invalid value: null: at least one value is required",
        f'{at}[1].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
        f'{at}[1].onExitCodes.containerName: Invalid value: "d": must be one of the container or initContainer'
        " names in the pod template",
        f"{at}[1].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator",
        f"{at}[1].onExitCodes.values[2]: Duplicate value: 2",
        f"{at}[1].onExitCodes.values: Invalid value: [2,0,2]: must be ordered",
        f'{at}[2].action: Unsupported value: "Odd": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
    ]
    assert causes[-3].startswith(
        f'{at}[2].onPodConditions[0].type: Invalid value: "a b": name part must consist'
    )
    assert causes[-2] == (
        f'{at}[2].onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"'
    )
    assert causes[-1] == (
        f"{at}[3]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"
    )


def test_success_policies(jobs):
    rules = [{}, {"succeededIndexes": "0-9"}, {"succeededIndexes": "0-1", "succeededCount": 4}]
    assert jobs.complaints(completionMode="Indexed", completions=3, successPolicy={"rules": rules}) == (
        "[spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be"
        ' specified, spec.successPolicy.rules[1].succeededIndexes: Invalid value: "0-9": error parsing'
        ' succeededIndexes: too large index: "9", spec.successPolicy.rules[2].succeededCount: Invalid value: 4:'
        " must be less than or equal to 3 (the number of specified completions),"
        " spec.successPolicy.rules[2].succeededCount: Invalid value: 4: must be less than or equal to 2 (the"
        " number of indexes in the specified succeededIndexes field)]"
    )


def test_the_template_is_shown_as_go_has_it(jobs):
    job = jobs.create(suspend=False, parallelism=0)
    answer = jobs.patch(
        {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i:2"}]}}}}, 422
    )
    [cause] = answer["details"]["causes"]
    shown = cause["message"].removeprefix("Invalid value: ").removesuffix(": field is immutable")
    value = json.loads(shown)
    assert list(value) == ["labels", "Spec"]
    assert value["labels"] == job["spec"]["template"]["metadata"]["labels"]
    spec = value["Spec"]
    assert list(spec)[:6] == [
        "Volumes",
        "InitContainers",
        "Containers",
        "EphemeralContainers",
        "RestartPolicy",
        "TerminationGracePeriodSeconds",
    ]
    assert list(spec)[-3:] == ["Resources", "HostnameOverride", "SchedulingGroup"]
    assert list(spec["Containers"][0])[:9] == [
        "Name",
        "Image",
        "Command",
        "Args",
        "WorkingDir",
        "Ports",
        "EnvFrom",
        "Env",
        "Resources",
    ]
    assert spec["Containers"][0]["Resources"] == {"Limits": None, "Requests": None, "Claims": None}
    assert spec["SecurityContext"]["HostNetwork"] is False


def test_a_suspended_jobs_pods_may_be_placed_and_sized(jobs):
    jobs.create()
    container = {"name": "c", "image": "i:1", "resources": {"requests": {"cpu": "1"}}}
    spec = {"nodeSelector": {"a": "b"}, "containers": [container]}
    changed = jobs.patch({"spec": {"template": {"spec": spec}}})["spec"]["template"]["spec"]
    assert changed["nodeSelector"] == {"a": "b"}
    assert changed["containers"][0]["resources"] == {"requests": {"cpu": "1"}}
    jobs.patch({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i:2"}]}}}}, 422)


def test_completions_change_with_the_parallelism_only(jobs):
    jobs.create(completionMode="Indexed", completions=2, parallelism=2)
    assert jobs.patch({"spec": {"completions": 3, "parallelism": 3}})["spec"]["completions"] == 3
    [cause] = jobs.patch({"spec": {"completions": 4}}, 422)["details"]["causes"]
    assert cause["message"] == "Invalid value: 4: can only be modified in tandem with spec.parallelism"


def test_deletion_that_leaves_pods_behind_is_warned_about(jobs, api):
    jobs.create()
    assert "warning" not in api.delete(f"{jobs.base}/j?propagationPolicy=Background").headers
    jobs.create()
    answer = api.delete(f"{jobs.base}/j")
    assert answer.headers["warning"].startswith('299 - "child pods are preserved by default')
    assert answer.json()["metadata"]["finalizers"] == ["orphan"]
    assert "warning" in api.delete(jobs.base).headers


def test_jobs_are_found_by_their_successes(jobs):
    jobs.create()
    found = jobs.call("GET", f"{jobs.base}?fieldSelector=status.successful=0", 200)["items"]
    assert [item["metadata"]["name"] for item in found] == ["j"]
    answer = jobs.call("GET", f"{jobs.base}?fieldSelector=status.failed=0", 400)
    assert 'field label "status.failed" not supported for Job' in answer["message"]


def test_big_indexed_jobs_are_warned_about(jobs, api):
    spec = {
        "template": template(),
        "suspend": True,
        "completionMode": "Indexed",
        "completions": 100_001,
        "parallelism": 10_001,
    }
    answer = api.post(f"{jobs.base}?dryRun=All", json={"metadata": {"name": "j"}, "spec": spec})
    assert answer.headers["warning"].startswith('299 - "spec: In Indexed Jobs with a number of completions')


def cron_spec(**fields):
    return {
        "schedule": "0 0 * * *",
        "jobTemplate": {"spec": {"template": template()}},
        "suspend": True,
        **fields,
    }


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (
            {"timeZone": "local"},
            '[spec.timeZone: Invalid value: "local": timeZone must be an explicit time zone',
        ),
        ({"timeZone": "../x"}, 'spec.timeZone: Invalid value: "../x": unknown time zone ../x'),
        ({"timeZone": "Mars/Base"}, 'spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base'),
        (
            {"schedule": "TZ=Mars/Base 0 0 * * *"},
            '[spec.schedule: Invalid value: "TZ=Mars/Base 0 0 * * *": provided bad location Mars/Base: unknown time'
            " zone Mars/Base, spec.schedule: Invalid value:",
        ),
        (
            {"concurrencyPolicy": "Odd"},
            'spec.concurrencyPolicy: Unsupported value: "Odd": supported values: "Allow"',
        ),
    ],
)
def test_complaints_about_cron_jobs(cron_jobs, fields, complaint):
    message = cron_jobs.post(cron_spec(**fields), 422)["message"].split(" is invalid: ", 1)[1]
    assert message.startswith(complaint)


def test_the_generation_of_a_cron_job_is_its_specs(cron_jobs):
    cron_jobs.post(cron_spec())
    assert cron_jobs.patch({"metadata": {"annotations": {"a": "b"}}})["metadata"]["generation"] == 1
    assert cron_jobs.patch({"spec": {"timeZone": "Asia/Tokyo"}})["metadata"]["generation"] == 2
    cron_jobs.patch({"spec": {"schedule": "TZ=UTC @daily"}}, 422)
