"""usage: state_machine.py TEMPLATE COMMAND: runs its state machine with moto's interpreter.

Containers that end with the statuses given stand in for Fargate's, or instances and commands for
EC2's and Systems Manager's, whose parameters botocore's model has to take; the waits are noted, not
waited for, and the command is written to the file COMMAND. Prints one line of JSON for each
scenario: what the machine came to, how often the task was started, the waits, the subjects that
each topic was told, and which instances were left.
"""

import functools
import json
import sys
import time

import boto3
import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters
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
    state_task_service_aws_sdk as sdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_ecs as ecs,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function import wait_function
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


@functools.cache
def model(service):
    return botocore.session.get_session().get_service_model(service)


class Machines:
    """Starts instances, on each of which the command ends with the next of `statuses`: None for an
    instance that cannot be had. The agent is late by two calls, and a command is looked at twice."""

    def __init__(self, statuses):
        self.statuses, self.started, self.running = list(statuses), [], set()
        self.late, self.looks, self.tokens = 0, 0, set()

    def _check(self, service, operation, parameters):
        validate_parameters(parameters, model(service).operation_model(operation).input_shape)

    def _refuse(self, operation):
        error = {"Error": {"Code": "No", "Message": "no"}}
        metadata = {"HTTPStatusCode": 400, "RequestId": "1"}
        raise ClientError(error | {"ResponseMetadata": metadata}, operation)

    def run_instances(self, **parameters):
        self._check("ec2", "RunInstances", parameters)
        token = parameters["ClientToken"]
        assert len(token) <= 64 and token not in self.tokens, token
        self.tokens.add(token)
        self.started.append(parameters)
        if self.statuses[len(self.started) - 1] is None:
            self._refuse("RunInstances")
        instance = f"i-{len(self.started)}"
        self.running.add(instance)
        self.late, self.looks = 2, 0
        return {"Instances": [{"InstanceId": instance}]}

    def send_command(self, **parameters):
        self._check("ssm", "SendCommand", parameters)
        if self.late > 0:
            self.late -= 1
            self._refuse("SendCommand")
        assert set(parameters["InstanceIds"]) == self.running, parameters
        self.command = parameters["Parameters"]["commands"][0]
        return {"Command": {"CommandId": "11111111-1111-1111-1111-111111111111"}}

    def get_command_invocation(self, **parameters):
        self._check("ssm", "GetCommandInvocation", parameters)
        self.looks += 1
        status = self.statuses[len(self.started) - 1]
        return {"Status": "InProgress" if self.looks == 1 else status, "StandardOutputContent": ""}

    def terminate_instances(self, **parameters):
        self._check("ec2", "TerminateInstances", parameters)
        self.running -= set(parameters["InstanceIds"])
        return {"TerminatingInstances": []}


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
        "AWS::Region": REGION,
        "AWS::URLSuffix": "amazonaws.com",
        "BackupFileSystem": "fs-0fedcba9876543210",
        "ClientGroup.GroupId": "sg-1",
        "ImageId": "ami-1",
        "InstanceProfile.Arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/instance",
        "LogGroup": "/efsbackup/nightly",
    }.items():
        text = text.replace("${%s}" % name, value)
    assert "${" not in text.replace("${!", ""), text
    return text.replace("${!", "${"), topics


def run(text, topics, statuses):
    is_container, waits = "ecs:runTask" in text, []
    double = (Fargate if is_container else Machines)(statuses)
    service = ecs if is_container else sdk
    real = service.boto_client_for
    wait_function.WaitFunction._wait_interval = lambda self, env, wait_seconds: waits.append(wait_seconds)
    retrier_decl.time = type("Clock", (), {"sleep": staticmethod(waits.append)})
    service.boto_client_for = lambda **parameters: double
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
            return end["status"], error, waits, told, double
    finally:
        service.boto_client_for = real


mended(ecs.StateTaskServiceEcs, ecs.StateTaskServiceEcs._build_sync_resolver)
text, topics = definition(sys.argv[1])
scenarios = [("success", [0]), ("retry", [1, 0]), ("failure", [1, 1, 1])]
if "ecs:runTask" not in text:
    scenarios = [
        ("success", ["Success"]),
        ("retry", ["Failed", "Success"]),
        ("no instance", [None, "Success"]),
        ("failure", ["Failed", "Cancelled", "Failed"]),
        ("late", ["TimedOut"]),
    ]
for name, statuses in scenarios:
    status, error, waits, told, double = run(text, topics, statuses)
    line = {"scenario": name, "status": status, "error": error, "started": len(double.started)}
    line |= {"waits": waits, "told": told}
    if isinstance(double, Machines):
        line["left"] = sorted(double.running)
        with open(sys.argv[2], "w") as file:
            file.write(double.command)
    print(json.dumps(line))
