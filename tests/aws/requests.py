"""Judge requests to Data Pipeline by botocore's model of it.

Standard input: a line a request, of operation, head (escaped) and body, between tabs. Each
member must be known and of its type, the required ones must be there, and botocore must
make the same body of the same values.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import botocore.session
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

model = botocore.session.get_session().get_service_model("datapipeline")
serializer = create_serializer(model.metadata["protocol"], include_validation=False)
members = 0


def hold(shape: Any, value: Any, path: str) -> Any:
    """The value as botocore's callers write it; fails on what the shape does not know."""
    global members
    if shape.type_name == "structure":
        unknown = set(value) - set(shape.members)
        assert not unknown, f"{path}: unknown {unknown}"
        members += len(value)
        return {key: hold(shape.members[key], item, f"{path}.{key}") for key, item in value.items()}
    if shape.type_name == "list":
        return [hold(shape.member, item, f"{path}[]") for item in value]
    if shape.type_name == "timestamp":
        assert isinstance(value, (int, float)), path
    elif shape.type_name == "string" and shape.enum:
        assert value in shape.enum, f"{path}: {value}"
    return value


seen = set()
for line in sys.stdin:
    name, head, body = line.rstrip("\n").split("\t")
    sent = json.loads(body)
    operation = model.operation_model(name)
    params = hold(operation.input_shape, sent, name)
    report = ParamValidator().validate(params, operation.input_shape)
    assert not report.has_errors(), f"{name}: {report.generate_report()}"
    request = serializer.serialize_to_request(params, operation)
    assert json.loads(request["body"]) == sent, f"{name}: {request['body']!r} is not {body}"
    lower = head.lower()
    for key, value in request["headers"].items():
        assert f"{key}: {value}".lower() in lower, f"{name}: no {key}: {value}"
    scope = f"/us-east-1/{model.signing_name}/aws4_request"
    assert scope in head, f"{name}: not signed for {scope}"
    seen.add(name)
missing = set(model.operation_names) - seen
assert not missing, f"not heard: {missing}"
print(f"{len(seen)} operations, {members} members as botocore's model has them")
