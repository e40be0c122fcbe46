"""usage: state_machine.py TEMPLATE: runs its state machine with moto's interpreter.

Containers that end with the statuses given stand in for Fargate's; the waits between two attempts
are noted, not waited for. Prints one line of JSON for each scenario: what the machine came to, how
often the task was started, the waits, and the subjects that each topic was told.
"""

import json
import sys
import time

import boto3
from cfnlint.decode import cfn_yaml
from moto import mock_aws
from moto.core.config import default_user_config
from moto.sns.models import sns_backends
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_ecs as ecs,
)
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

REGION, ACCOUNT = "us-east-1", "123456789012"


class Fargate:
    """Starts tasks whose one container ends with the next of `statuses`."""

    def __init__(self, statuses):
        self.statuses, self.started = list(statuses), []

    def run_task(self, **parameters):
        self.started.append(parameters)
        return self.describe_tasks() | {"failures": []}

    def describe_tasks(self, **_):
        code = self.statuses[len(self.started) - 1]
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/backup/{len(self.started)}"
        cluster = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/backup"
        container = {"name": "backup", "exitCode": code}
        task = {"taskArn": arn, "clusterArn": cluster, "lastStatus": "STOPPED", "containers": [container]}
        return {"tasks": [task], "ResponseMetadata": {}}


def pascal(value):
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: pascal(inner) for key, inner in value.items()}
    return [pascal(inner) for inner in value] if isinstance(value, list) else value


def mended(service, build):
    """moto leaves the keys of ECS's answers as boto3 writes them, which its own `.sync` does not
    find, and lets every task that stopped succeed. Step Functions' guide: with `.sync` a container
    that ends with another status than 0 fails the state with States.TaskFailed."""

    def normalise(self, response, **_):
        if isinstance(response, dict):
            written = pascal(response)
            response.clear()
            response.update(written)

    service._normalise_response = normalise
    # A second attempt would find the callback of the first one ended, and be called timed out.
    service._eval_sync = lambda self, sync_resolver, **_: sync_resolver()

    def build_resolver(self, env, **parameters):
        resolve = build(self, env=env, **parameters)

        def resolver():
            task = resolve()
            code = task["Containers"][0]["ExitCode"]
            if code == 0:
                return task
            error, cause = "States.TaskFailed", f"the container ended with status {code}"
            details = TaskFailedEventDetails(
                error=error, cause=cause, resource="runTask.sync", resourceType="ecs"
            )
            raise FailureEventException(
                FailureEvent(
                    env=env,
                    error_name=StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed),
                    event_type=HistoryEventType.TaskFailed,
                    event_details=EventDetails(taskFailedEventDetails=details),
                )
            )

        return resolver

    service._build_sync_resolver = build_resolver


def definition(path):
    """The definition, with the names that a stack would give."""
    template = json.loads(json.dumps(cfn_yaml.load(path)))
    machine = template["Resources"]["StateMachine"]["Properties"]
    text = machine["DefinitionString"]["Fn::Sub"]
    topics = [key for key, value in template["Resources"].items() if value["Type"] == "AWS::SNS::Topic"]
    for topic in topics:
        text = text.replace("${%s}" % topic, f"arn:aws:sns:{REGION}:{ACCOUNT}:{topic}")
    for name, value in {
        "AWS::Partition": "aws",
        "Cluster.Arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/backup",
        "TaskDefinition": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/backup:1",
        "ClientGroup.GroupId": "sg-1",
    }.items():
        text = text.replace("${%s}" % name, value)
    assert "${" not in text, text
    return text, topics


def run(text, topics, statuses):
    fargate, waits = Fargate(statuses), []
    real = ecs.boto_client_for
    retrier_decl.time = type("Clock", (), {"sleep": staticmethod(waits.append)})
    ecs.boto_client_for = lambda **parameters: fargate
    config = default_user_config | {"stepfunctions": {"execute_state_machine": True}}
    try:
        with mock_aws(config=config):
            sns = boto3.client("sns", REGION)
            for topic in topics:
                sns.create_topic(Name=topic)
            client = boto3.client("stepfunctions", REGION)
            role = f"arn:aws:iam::{ACCOUNT}:role/machine"
            machine = client.create_state_machine(name="backup", definition=text, roleArn=role)
            arn = machine["stateMachineArn"]
            execution = client.start_execution(stateMachineArn=arn, input="{}")["executionArn"]
            for _ in range(600):
                end = client.describe_execution(executionArn=execution)
                if end["status"] != "RUNNING":
                    break
                time.sleep(0.05)
            backend = sns_backends[ACCOUNT][REGION]
            told = {}
            for topic in topics:
                sent = backend.topics[f"arn:aws:sns:{REGION}:{ACCOUNT}:{topic}"].sent_notifications
                told[topic] = [notification[2] for notification in sent]
            error = end.get("error")
            return end["status"], error, len(fargate.started), waits, told
    finally:
        ecs.boto_client_for = real


mended(ecs.StateTaskServiceEcs, ecs.StateTaskServiceEcs._build_sync_resolver)
text, topics = definition(sys.argv[1])
for name, statuses in [("success", [0]), ("retry", [1, 0]), ("failure", [1, 1, 1])]:
    status, error, started, waits, told = run(text, topics, statuses)
    line = {"scenario": name, "status": status, "error": error, "started": started, "waits": waits}
    print(json.dumps(line | {"told": told}))
