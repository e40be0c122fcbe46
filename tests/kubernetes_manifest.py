"""usage: kubernetes_manifest.py MANIFEST: says nothing where Kubernetes' own schemas take it."""

import sys

import kubernetes_validate
import yaml

documents = list(yaml.safe_load_all(open(sys.argv[1], encoding="utf-8")))
assert len(documents) >= 6, len(documents)
for document in documents:
    kubernetes_validate.validate(document, "1.30", strict=True)
