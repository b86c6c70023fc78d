"""PodSecurity: the Pod Security Standards, by labels of the namespace.

`policy` reads levels and versions, one module a family of checks says what a level forbids, `registry`
picks the checks of a level and version, `configuration`
reads what is set up for the whole cluster, `plugin` applies all of it. Follows k8s.io/pod-security-admission.
"""

from sekisho.admission.podsecurity.configuration import Config
from sekisho.admission.podsecurity.plugin import PodSecurity

__all__ = ["Config", "PodSecurity"]
