"""The API described: OpenAPI documents of versions 2 and 3, drawn from the resources that are served.

`routes` says which operations there are, `definitions` and `custom` what the types look like, `v2` and `v3` draw
the documents, `gnostic` turns them into protobuf, and `documents` serves them.
"""

from sekisho.server.openapi.documents import OpenAPI

__all__ = ["OpenAPI"]
