"""Drive `efsbackup serve` with boto3 and the AWS CLI: clients.py ENDPOINT KEYS-FILE.

botocore's model of the service is the judge: each answer may have only members that the
model knows, and must have all that it requires.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

import boto3
from botocore.exceptions import ClientError

ENDPOINT, KEYS = sys.argv[1:]
os.environ["AWS_SHARED_CREDENTIALS_FILE"] = KEYS
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
    os.environ.pop(name, None)

client = boto3.client("datapipeline", endpoint_url=ENDPOINT)
seen: dict[str, int] = {}
members = 0


def hold(shape: Any, value: Any, path: str) -> None:
    """Fails where `value` is not what the model's `shape` says."""
    global members
    if shape.type_name == "structure":
        assert isinstance(value, dict), path
        unknown = set(value) - set(shape.members)
        missing = set(shape.required_members) - set(value)
        assert not unknown and not missing, f"{path}: unknown {unknown}, missing {missing}"
        for name, member in value.items():
            members += 1
            hold(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "list":
        assert isinstance(value, list), path
        for item in value:
            hold(shape.member, item, f"{path}[]")
    elif shape.type_name == "map":
        assert isinstance(value, dict), path
        for item in value.values():
            hold(shape.value, item, f"{path}{{}}")
    elif shape.type_name == "boolean":
        assert isinstance(value, bool), path
    else:
        assert shape.type_name == "string" and isinstance(value, str), path
        low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 1 << 30)
        assert low <= len(value) <= high, f"{path}: {len(value)} characters"


def judge(operation_model: Any, response_dict: Any, **_: Any) -> None:
    seen[operation_model.name] = seen.get(operation_model.name, 0) + 1
    assert response_dict["headers"]["x-amzn-RequestId"]
    if response_dict["status_code"] == 200:
        body = json.loads(response_dict["body"] or "{}")
        if operation_model.output_shape:
            hold(operation_model.output_shape, body, operation_model.name)
        else:
            assert body == {}, body


client.meta.events.register("before-parse.data-pipeline", judge)


def refused(code: str, call: Callable[..., Any], **arguments: Any) -> None:
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        known = client.meta.service_model.operation_model(error.operation_name).error_shapes
        if code.startswith(("Pipeline", "Task")):
            assert code in {shape.name for shape in known}, f"{error.operation_name}: {code}"
    else:
        raise AssertionError(f"{code} was expected")


def field(key: str, text: str | None = None, ref: str | None = None) -> dict[str, str]:
    return {"key": key, **({"refValue": ref} if text is None else {"stringValue": text})}


def activity(id: str, *more: dict[str, str]) -> dict[str, Any]:
    fields = [field("type", "ShellCommandActivity"), field("workerGroup", "boto"), field("command", "echo #{myWord}")]
    return {"id": id, "name": id, "fields": [*fields, *more]}


OBJECTS = [
    {"id": "Default", "name": "Default", "fields": [field("scheduleType", "ondemand")]},
    activity("First", field("maximumRetries", "0")),
    activity("Second", field("dependsOn", ref="First"), field("*password", "hidden")),
]
PARAMETERS = [{"id": "myWord", "attributes": [{"key": "type", "stringValue": "String"}]}]


def take() -> Any:
    for _ in range(10):
        answer = client.poll_for_task(workerGroup="boto", hostname="h")
        if "taskObject" in answer:
            return answer["taskObject"]
    raise AssertionError("no task in ten polls")


def with_boto3() -> None:
    tags = [{"key": "team", "value": ""}]
    create = {"name": "boto", "uniqueId": "1", "description": "d", "tags": tags}
    pipeline = client.create_pipeline(**create)["pipelineId"]
    assert client.create_pipeline(**create)["pipelineId"] == pipeline, "not idempotent"
    broken = [{"id": "A", "name": "A", "fields": [field("type", "ShellCommandActivity")]}]
    found = client.put_pipeline_definition(pipelineId=pipeline, pipelineObjects=broken)
    assert found["errored"] and found["validationErrors"][0]["id"] == "A", found
    refused("InvalidRequestException", client.activate_pipeline, pipelineId=pipeline)
    definition = {"pipelineObjects": OBJECTS, "parameterObjects": PARAMETERS}
    found = client.validate_pipeline_definition(pipelineId=pipeline, **definition)
    assert not found["errored"], found
    values = [{"id": "myWord", "stringValue": "stored"}]
    client.put_pipeline_definition(pipelineId=pipeline, parameterValues=values, **definition)
    stored = client.get_pipeline_definition(pipelineId=pipeline, version="latest")
    assert stored["pipelineObjects"] == OBJECTS and stored["parameterValues"] == values, stored
    given = [{"id": "myWord", "stringValue": "given"}]
    client.activate_pipeline(pipelineId=pipeline, parameterValues=given)

    client.report_task_runner_heartbeat(taskrunnerId="r", workerGroup="boto", hostname="h")
    task = take()
    own = task["objects"][task["attemptId"]]
    assert field("command", "echo given") in own["fields"], own
    assert not client.report_task_progress(taskId=task["taskId"], fields=[])["canceled"]
    client.set_task_status(taskId=task["taskId"], taskStatus="FINISHED")
    refused("TaskNotFoundException", client.set_task_status, taskId=task["taskId"], taskStatus="FINISHED")
    task = take()
    assert "Second" in task["attemptId"], task
    client.report_task_progress(taskId=task["taskId"])
    client.set_task_status(taskId=task["taskId"], taskStatus="FAILED", errorId="E", errorMessage="m", errorStackTrace="s")

    instances = client.query_objects(pipelineId=pipeline, sphere="INSTANCE")["ids"]
    assert len(instances) == 2, instances
    select = {"selectors": [{"fieldName": "@componentParent", "operator": {"type": "REF_EQ", "values": ["First"]}}]}
    first = client.query_objects(pipelineId=pipeline, sphere="INSTANCE", query=select)["ids"]
    assert len(first) == 1 and "First" in first[0], first
    shown = client.describe_objects(pipelineId=pipeline, objectIds=first, evaluateExpressions=True)
    assert field("@status", "FINISHED") in shown["pipelineObjects"][0]["fields"], shown
    hidden = json.dumps(client.describe_objects(pipelineId=pipeline, objectIds=["Second"], evaluateExpressions=True))
    assert "hidden" not in hidden, "a secret shows"
    value = client.evaluate_expression(pipelineId=pipeline, objectId=first[0], expression="#{myWord}!")
    assert value["evaluatedExpression"] == "given!", value
    client.add_tags(pipelineId=pipeline, tags=[{"key": "k", "value": "v"}])
    client.remove_tags(pipelineId=pipeline, tagKeys=["team"])
    described = client.describe_pipelines(pipelineIds=[pipeline])["pipelineDescriptionList"]
    assert described[0]["tags"] == [{"key": "k", "value": "v"}], described

    # Deactivated while a worker has the task: the worker hears of it.
    client.activate_pipeline(pipelineId=pipeline)
    task = take()
    client.report_task_progress(taskId=task["taskId"])
    target = task["attemptId"].split("_Attempt")[0]
    client.set_status(pipelineId=pipeline, objectIds=[target], status="TRY_CANCEL")
    assert client.report_task_progress(taskId=task["taskId"])["canceled"]
    client.set_task_status(taskId=task["taskId"], taskStatus="FAILED", errorId="Cancelled")
    client.deactivate_pipeline(pipelineId=pipeline, cancelActive=True)
    start = time.monotonic()
    assert "taskObject" not in client.poll_for_task(workerGroup="nobody's")
    assert time.monotonic() - start > 0.5, "a poll waits for a task"

    client.delete_pipeline(pipelineId=pipeline)
    refused("PipelineDeletedException", client.describe_pipelines, pipelineIds=[pipeline])
    refused("PipelineNotFoundException", client.delete_pipeline, pipelineId=pipeline)
    refused("PipelineNotFoundException", client.describe_pipelines, pipelineIds=["df-NOSUCH"])
    refused("InvalidRequestException", client.query_objects, pipelineId="df-X", sphere="PO")


def as_doubles_are_tried() -> None:
    """What people expect of a double of the service, where AWS's model agrees with it."""
    made = client.create_pipeline(name="double", uniqueId="1", tags=[{"key": "k", "value": "v"}])
    pipeline = made["pipelineId"]
    assert pipeline.startswith("df-"), pipeline
    described = client.describe_pipelines(pipelineIds=[pipeline])["pipelineDescriptionList"]
    assert len(described) == 1 and described[0]["pipelineId"] == pipeline, described
    assert described[0]["name"] == "double" and described[0]["tags"] == [{"key": "k", "value": "v"}]
    fields = described[0]["fields"]
    assert field("@pipelineState", "PENDING") in fields and field("uniqueId", "1") in fields, fields
    created = [entry["stringValue"] for entry in fields if entry["key"] == "@creationTime"]
    time.strptime(created[0], "%Y-%m-%dT%H:%M:%S")
    # The same name is another pipeline, the same name and unique id are not.
    other = client.create_pipeline(name="double", uniqueId="2")["pipelineId"]
    assert other != pipeline == client.create_pipeline(name="double", uniqueId="1")["pipelineId"]
    listed = [item for page in client.get_paginator("list_pipelines").paginate() for item in page["pipelineIdList"]]
    assert {"id": pipeline, "name": "double"} in listed and {"id": other, "name": "double"} in listed

    hourly = [field("type", "Schedule"), field("period", "1 hour"), field("startAt", "FIRST_ACTIVATION_DATE_TIME")]
    default = [field("scheduleType", "cron"), field("workerGroup", "nobody's"), field("schedule", ref="Hourly")]
    hello = [field("type", "ShellCommandActivity"), field("command", "echo hello"), field("parent", ref="Default")]
    objects = [
        {"id": "Default", "name": "Default", "fields": default},
        {"id": "Hourly", "name": "Every hour", "fields": hourly},
        {"id": "SayHello", "name": "SayHello", "fields": hello},
    ]
    assert not client.put_pipeline_definition(pipelineId=pipeline, pipelineObjects=objects)["errored"]
    assert client.get_pipeline_definition(pipelineId=pipeline)["pipelineObjects"] == objects
    shown = client.describe_objects(pipelineId=pipeline, objectIds=["Hourly", "Default"])["pipelineObjects"]
    assert [object["id"] for object in shown] == ["Hourly", "Default"], shown
    assert shown[0]["name"] == "Every hour" and all(entry in shown[0]["fields"] for entry in hourly), shown
    assert all(entry in shown[1]["fields"] for entry in default), shown
    client.activate_pipeline(pipelineId=pipeline)
    described = client.describe_pipelines(pipelineIds=[pipeline])["pipelineDescriptionList"]
    assert field("@pipelineState", "SCHEDULED") in described[0]["fields"], described
    client.delete_pipeline(pipelineId=pipeline)
    left = [item["id"] for page in client.get_paginator("list_pipelines").paginate() for item in page["pipelineIdList"]]
    assert pipeline not in left and other in left
    client.delete_pipeline(pipelineId=other)


def pages() -> None:
    made = {client.create_pipeline(name="p", uniqueId=str(n))["pipelineId"] for n in range(103)}
    listed = client.get_paginator("list_pipelines").paginate()
    answers = list(listed)
    assert [answer["hasMoreResults"] for answer in answers] == [True, False], answers
    assert ["marker" in answer for answer in answers] == [True, False], "the last page leads nowhere"
    listed = [answer["pipelineIdList"] for answer in answers]
    assert len(listed) == 2 and made <= {item["id"] for page in listed for item in page}
    pipeline = made.pop()
    definition = [OBJECTS[0], *(activity(f"A{n:02}") for n in range(40))]
    client.put_pipeline_definition(
        pipelineId=pipeline, pipelineObjects=definition, parameterObjects=PARAMETERS,
        parameterValues=[{"id": "myWord", "stringValue": "w"}],
    )
    for _ in range(3):
        client.activate_pipeline(pipelineId=pipeline)
    ids: list[str] = []
    for page in client.get_paginator("query_objects").paginate(pipelineId=pipeline, sphere="INSTANCE", limit=50):
        assert len(page["ids"]) <= 50
        ids += page["ids"]
    assert len(ids) == len(set(ids)) >= 40, len(ids)
    shown = client.get_paginator("describe_objects").paginate(pipelineId=pipeline, objectIds=ids[:40])
    assert [object["id"] for page in shown for object in page["pipelineObjects"]] == ids[:40]


def aws(*arguments: str) -> Any:
    command = ["aws", "datapipeline", "--endpoint-url", ENDPOINT, "--output", "json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    try:
        return json.loads(done.stdout)
    except ValueError:
        return done.stdout


def with_aws_cli(directory: Path) -> None:
    file = directory / "definition.json"
    objects = [
        {"id": "Default", "scheduleType": "ondemand"},
        {"id": "Say", "type": "ShellCommandActivity", "workerGroup": "here", "command": "echo $1", "scriptArgument": "a; touch b"},
    ]
    file.write_text(json.dumps({"objects": objects}))
    pipeline = aws("create-pipeline", "--name", "cli", "--unique-id", "1")["pipelineId"]
    id = ("--pipeline-id", pipeline)
    api = [{"id": o["id"], "name": o["id"], "fields": [field(k, v) for k, v in o.items() if k != "id"]} for o in objects]
    assert not aws("validate-pipeline-definition", *id, "--pipeline-objects", json.dumps(api))["errored"]
    assert not aws("put-pipeline-definition", *id, "--pipeline-definition", f"file://{file}")["errored"]
    aws("activate-pipeline", *id)
    for _ in range(10):
        runs = aws("list-runs", *id)
        if runs and runs[0]["@status"] == "FINISHED":
            break
    assert [run["@componentParent"] for run in runs] == ["Say"] and runs[0]["@status"] == "FINISHED", runs
    attempts = aws("query-objects", *id, "--sphere", "ATTEMPT")["ids"]
    shown = aws("describe-objects", *id, "--object-ids", *attempts)["pipelineObjects"]
    assert field("@status", "FINISHED") in shown[0]["fields"], shown
    assert attempts == aws("query-objects", *id, "--sphere", "ATTEMPT", "--page-size", "1")["ids"]
    assert pipeline in json.dumps(aws("list-pipelines")), "it is listed"
    aws("deactivate-pipeline", *id)
    aws("delete-pipeline", *id)
    assert pipeline not in json.dumps(aws("list-pipelines")), "it is deleted"


with_boto3()
as_doubles_are_tried()
pages()
with_aws_cli(Path(KEYS).parent)
assert set(seen) == set(client.meta.service_model.operation_names), "an operation was not tried"
print(f"{sum(seen.values())} answers to {len(seen)} operations hold to botocore's model, {members} members")
