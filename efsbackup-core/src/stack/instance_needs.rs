//! What the roles of a backup may do that a state machine runs on an instance of its own.

use super::needs::{Group, Role, ec2, group, mounts, program, started_by_schedule};
use super::plan::Plan;

/// Why the agent's calls are for all.
const AGENT: &str = "IAM knows no resources of the channels that the agent opens";
/// Why the look at a command is for all.
const COMMANDS: &str = "IAM knows no resources of ssm:GetCommandInvocation";
/// Why a list of log groups is for all.
const LISTED: &str = "the agent lists the log groups to find its own";

/// Every group of permissions of the plan.
pub(super) fn groups(plan: &Plan<'_>) -> Vec<Group> {
    let mut groups = instance(plan);
    groups.extend(machine(plan));
    groups.extend(started_by_schedule(plan));
    groups
}

fn instance(plan: &Plan<'_>) -> Vec<Group> {
    let mut agent = group(
        Role::Instance,
        "HearOfCommands",
        &[
            ("ssm:UpdateInstanceInformation", "UpdateInstanceInformation: the agent"),
            ("ssmmessages:CreateControlChannel", "CreateControlChannel: the agent"),
            ("ssmmessages:CreateDataChannel", "CreateDataChannel: the agent"),
            ("ssmmessages:OpenControlChannel", "OpenControlChannel: the agent"),
            ("ssmmessages:OpenDataChannel", "OpenDataChannel: the agent"),
        ],
        vec!["*".to_owned()],
    );
    agent.why_all = Some(AGENT);
    let mut found = group(
        Role::Instance,
        "FindLog",
        &[("logs:DescribeLogGroups", "DescribeLogGroups: CloudWatchOutputConfig of RunScript")],
        vec!["*".to_owned()],
    );
    found.why_all = Some(LISTED);
    let written = group(
        Role::Instance,
        "WriteLog",
        &[
            ("logs:CreateLogStream", "CreateLogStream: CloudWatchOutputConfig of RunScript"),
            ("logs:DescribeLogStreams", "DescribeLogStreams: CloudWatchOutputConfig of RunScript"),
            ("logs:PutLogEvents", "PutLogEvents: CloudWatchOutputConfig of RunScript"),
        ],
        vec!["{log-group-arn}".to_owned()],
    );
    let mut groups = vec![agent, found, written];
    groups.extend(program(plan));
    groups.extend(mounts(plan, Role::Instance));
    groups
}

fn machine(plan: &Plan<'_>) -> Vec<Group> {
    let mut started = ["instance/*", "network-interface/*", "volume/*"].map(ec2).to_vec();
    started.push(ec2(&format!("subnet/{}", plan.subnet)));
    started.extend(plan.groups().iter().map(|group| ec2(&format!("security-group/{group}"))));
    started.extend(plan.spec.key_pair.iter().map(|key| ec2(&format!("key-pair/{key}"))));
    started.push("arn:{partition}:ec2:{region}::image/*".to_owned());
    let of_instances = |sid, action: (&'static str, &'static str), condition| {
        let mut group = group(Role::Machine, sid, &[action], vec![ec2("instance/*")]);
        group.conditions.push(condition);
        group
    };
    let mut looked = group(
        Role::Machine,
        "FollowCommand",
        &[("ssm:GetCommandInvocation", "GetCommandInvocation: LookAtScript of StateMachine")],
        vec!["*".to_owned()],
    );
    looked.why_all = Some(COMMANDS);
    let mut passed = group(
        Role::Machine,
        "GiveInstanceItsRole",
        &[("iam:PassRole", "RunInstances: IamInstanceProfile of StartInstance")],
        vec![plan.instance_role_arn()],
    );
    passed.conditions.push(("StringEquals", "iam:PassedToService", "ec2.{dns-suffix}".to_owned()));
    let document = "arn:{partition}:ssm:{region}::document/AWS-RunShellScript".to_owned();
    vec![
        group(
            Role::Machine,
            "StartInstance",
            &[("ec2:RunInstances", "RunInstances: StartInstance of StateMachine")],
            started,
        ),
        of_instances(
            "NameInstance",
            ("ec2:CreateTags", "RunInstances: TagSpecifications of StartInstance"),
            ("StringEquals", "ec2:CreateAction", "RunInstances".to_owned()),
        ),
        of_instances(
            "EndOwnInstances",
            ("ec2:TerminateInstances", "TerminateInstances: EndInstance and GiveUpInstance"),
            ("ArnEquals", "ec2:InstanceProfile", plan.profile_arn()),
        ),
        passed,
        group(
            Role::Machine,
            "UseDocument",
            &[("ssm:SendCommand", "SendCommand: RunScript of StateMachine")],
            vec![document],
        ),
        of_instances(
            "RunOnOwnInstances",
            ("ssm:SendCommand", "SendCommand: RunScript of StateMachine"),
            ("StringEquals", "ssm:resourceTag/Name", plan.name().to_owned()),
        ),
        looked,
        group(
            Role::Machine,
            "Tell",
            &[("sns:Publish", "Publish: TellSuccess and TellFailure of StateMachine")],
            plan.topics(),
        ),
    ]
}
