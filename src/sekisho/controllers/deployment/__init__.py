"""deployment controller: rollouts of pod templates, each a ReplicaSet, old ones scaled down as new ones come up.

`controller` decides what is to do, `rollout` does it, `sizes` has the arithmetic, `revisions` finds and names
ReplicaSets, `conditions` tells how far it is.
"""

from sekisho.controllers.deployment.controller import DeploymentController

__all__ = ["DeploymentController"]
