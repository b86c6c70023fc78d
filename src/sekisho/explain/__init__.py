"""Evidence into sentences: why a request was allowed or not, and the questions that Kubernetes leaves open.

Nothing here decides. Explanations read the evidence of decisions; questions read the same index that
decides, online or built from manifests. Results are plain dataclasses with `to_object` for JSON and YAML.
"""
