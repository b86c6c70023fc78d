"""pykube-ng lists, creates, watches, patches and deletes."""

from __future__ import annotations

import pykube

from sekisho.testing import Cluster


def test_config_maps() -> None:
    with Cluster() as cluster:
        config = pykube.KubeConfig.from_file(str(cluster.kubeconfig()))
        api = pykube.HTTPClient(config)
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "default"},
            "data": {"k": "1"},
        }
        made = pykube.ConfigMap(api, body)
        made.create()
        watch = pykube.ConfigMap.objects(api, namespace="default").filter(
            field_selector={"metadata.name": "a"}
        )
        event = next(iter(watch.watch()))
        assert (event.type, event.object.name) == ("ADDED", "a")
        made.patch({"data": {"k": "2"}})
        assert pykube.ConfigMap.objects(api).filter(namespace="default").get(name="a").obj["data"] == {"k": "2"}
        made.delete()
        assert not made.exists()
        api.session.close()
