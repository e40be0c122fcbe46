"""What data_pipeline and data_pipeline_info do, step by step, with `efsbackup serve`."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import boto3
from harness import Matrix, run


class Service:
    """What the service has, asked of it by boto3."""

    def __init__(self, connection: dict[str, str]) -> None:
        self.client = boto3.client(
            "datapipeline",
            endpoint_url=connection["endpoint_url"],
            region_name=connection["region"],
            aws_access_key_id=connection["access_key"],
            aws_secret_access_key=connection["secret_key"],
        )

    def ids(self) -> list[str]:
        pages = self.client.get_paginator("list_pipelines").paginate()
        return [found["id"] for page in pages for found in page["pipelineIdList"]]

    def state(self) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        ids = self.ids()
        described = self.client.describe_pipelines(pipelineIds=ids)["pipelineDescriptionList"] if ids else []
        for pipeline in described:
            fields = {field["key"]: field.get("stringValue") for field in pipeline["fields"]}
            active = fields["@pipelineState"] in ("SCHEDULED", "SCHEDULING", "ACTIVATING")
            versions = ["latest", "active"] if active else ["latest"]
            found[pipeline["pipelineId"]] = {
                "tags": sorted((tag["key"], tag["value"]) for tag in pipeline["tags"]),
                "description": pipeline.get("description"),
                "active": active,
                "unique id": fields["uniqueId"],
                "definitions": [self.definition(pipeline["pipelineId"], version) for version in versions],
            }
        return found

    def definition(self, pipeline: str, version: str) -> str:
        found = self.client.get_pipeline_definition(pipelineId=pipeline, version=version)
        del found["ResponseMetadata"]
        return json.dumps(found, sort_keys=True)


def info(service: Service, connection: dict[str, str]) -> list[dict[str, Any]]:
    """What the info module lists, in check mode too, which must be what there is."""
    asked = [({}, True), ({}, False), ({"name": "nightly"}, False), ({"name": "none"}, False)]
    listed = [
        run("data_pipeline_info", {**connection, "runs": True, **named}, check=check)
        for named, check in asked
    ]
    assert not any(answer.get("failed") or answer["changed"] for answer in listed), listed
    everything, again, called, none = [answer["pipelines"] for answer in listed]
    assert everything == again == called, "all are called nightly"
    assert sorted(one["id"] for one in everything) == sorted(service.ids())
    assert none == []
    found: list[dict[str, Any]] = everything
    return found


def pipelines(definition: Path, connection: dict[str, Any]) -> None:
    service = Service(connection)
    matrix = Matrix("data_pipeline", service.state, name="nightly", **connection)
    from_file: dict[str, Any] = {"src": str(definition)}
    assert info(service, connection) == []
    matrix.step("remove what is not there", state="absent", changed=False)
    matrix.refused("stop what is not there", state="inactive")
    missing = matrix.refused("no such file", src="/nosuch/file.json")
    assert missing["msg"].endswith(": no such file or directory: /nosuch/file.json (errno 2)"), missing

    made = matrix.repeated("make", **from_file)
    (only,) = info(service, connection)
    assert (only["id"], only["state"], only["runs"]) == (made["pipeline_id"], "PENDING", [])
    written = json.loads(definition.read_text())
    matrix.step("the same, in the playbook", definition=written, changed=False)
    other = copy.deepcopy(written)
    other["objects"][-1]["subject"] = "No backup tonight"
    matrix.repeated("another object", definition=other)
    matrix.repeated("another value", **from_file, values={"myPeriod": "2 hours"})
    tags: dict[str, Any] = {"tags": {"team": "storage"}}
    matrix.repeated("a tag", **from_file, **tags)
    matrix.repeated("another", **from_file, tags={"team": "backup", "cost": "7"})
    matrix.step("none said", **from_file, changed=False)
    matrix.repeated("no tag", **from_file, tags={})
    refused = matrix.refused("a description", **from_file, description="Every night")
    assert refused["losses"], refused
    anew = matrix.repeated("a description, made anew", **from_file, description="Every night", recreate=True)
    assert anew["pipeline_id"] != made["pipeline_id"] and anew["losses"]

    broken = {"objects": [{"id": "Default"}, {"id": "Say", "type": "ShellCommandActivity"}]}
    assert "E202" in matrix.refused("no command", definition=broken)["errors"][0]

    matrix.repeated("start", **from_file, state="active")
    hours: dict[str, Any] = {"values": {"myPeriod": "3 hours"}}
    assert matrix.repeated("another schedule while it is active", **from_file, **hours)["losses"]
    matrix.step("and started with that", **from_file, **hours, state="active", cancel_running=True)
    matrix.repeated("stop", state="inactive", cancel_running=True)
    matrix.repeated("start again, later", **from_file, **hours, state="active", start="2100-01-01T00:00:00")

    matrix.repeated("another unique id", **from_file, unique_id="second")
    assert len(info(service, connection)) == 2
    matrix.repeated("remove that", unique_id="second", state="absent")
    matrix.repeated("remove", state="absent")
    assert info(service, connection) == []
