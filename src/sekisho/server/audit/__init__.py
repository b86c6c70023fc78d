"""Audit events as kube-apiserver writes them: a policy says which, backends say where to.

`policy` decides level and stages, `event` builds what is written, `auditor` takes both to the backends: `logfile`
and `webhook`, each behind `batching` or `truncating` as flags say. Nothing is built when no rule asks for it.
"""
