"""NodeRestriction: a kubelet writes only its own Node, its own pods and what belongs to them.

The Node authorizer judges by what a request names; this plugin judges by what it carries. Follows
upstream's plugin/pkg/admission/noderestriction; one module a group of resources.
"""

from sekisho.admission.noderestriction.plugin import NodeRestriction

__all__ = ["NodeRestriction"]
