"""What an object costs in terms of a ResourceQuota (k8s.io/kubernetes/pkg/quota/v1).

One evaluator a kind: `pods`, `services`, `claims` and `devices` have their own resources, all others are counted
(`objects`). Admission asks them for one object, the quota controller for all of a namespace.
"""
