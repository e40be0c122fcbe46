//! Texts with `{tokens}` in them, for what only the stack itself knows when it is made, in the
//! words of CloudFormation and of Terraform.

use crate::pipeline::{Intrinsic, Node};

/// Token, what CloudFormation calls it within `Fn::Sub`, and what Terraform calls it.
const TOKENS: &[(&str, &str, &str)] = &[
    ("partition", "AWS::Partition", "data.aws_partition.current.partition"),
    ("region", "AWS::Region", "data.aws_region.current.name"),
    ("account", "AWS::AccountId", "data.aws_caller_identity.current.account_id"),
    ("topic", "Topic", "aws_sns_topic.backup.arn"),
    ("success-topic", "SuccessTopic", "aws_sns_topic.success.arn"),
    ("success-topic-name", "SuccessTopic.TopicName", "aws_sns_topic.success.name"),
    ("bucket", "LogBucket", "aws_s3_bucket.logs.id"),
    ("bucket-arn", "LogBucket.Arn", "aws_s3_bucket.logs.arn"),
    ("client-group", "ClientGroup.GroupId", "aws_security_group.client.id"),
    ("target-group", "MountTargetGroup.GroupId", "aws_security_group.mount_target.id"),
    ("pipeline-role", "PipelineRole", "aws_iam_role.pipeline.name"),
    ("pipeline-role-arn", "PipelineRole.Arn", "aws_iam_role.pipeline.arn"),
    ("instance-role", "InstanceRole", "aws_iam_role.instance.name"),
    ("instance-role-arn", "InstanceRole.Arn", "aws_iam_role.instance.arn"),
    ("profile", "InstanceProfile", "aws_iam_instance_profile.instance.name"),
    ("profile-arn", "InstanceProfile.Arn", "aws_iam_instance_profile.instance.arn"),
    ("file-system", "BackupFileSystem", "aws_efs_file_system.backup.id"),
    ("file-system-arn", "BackupFileSystem.Arn", "aws_efs_file_system.backup.arn"),
    ("dns-suffix", "AWS::URLSuffix", "data.aws_partition.current.dns_suffix"),
    ("image", "ImageId", "data.aws_ssm_parameter.image.insecure_value"),
    // What the runners on containers have besides.
    ("task-role", "TaskRole", ""),
    ("task-role-arn", "TaskRole.Arn", ""),
    ("execution-role", "ExecutionRole", ""),
    ("execution-role-arn", "ExecutionRole.Arn", ""),
    ("machine-role", "MachineRole", ""),
    ("machine-role-arn", "MachineRole.Arn", ""),
    ("scheduler-role", "SchedulerRole", ""),
    ("scheduler-role-arn", "SchedulerRole.Arn", ""),
    ("machine-arn", "StateMachine.Arn", ""),
    ("cluster-arn", "Cluster.Arn", ""),
    ("task", "TaskDefinition", ""),
    ("log-group", "LogGroup", ""),
    ("log-group-arn", "LogGroup.Arn", ""),
];

/// A part of a text.
enum Part<'a> {
    Text(&'a str),
    Token(&'static (&'static str, &'static str, &'static str)),
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut rest, mut from) = (text, 0);
    while let Some(at) = rest.get(from..).and_then(|later| later.find('{')).map(|at| at + from) {
        let (before, after) = rest.split_at(at);
        let known = after[1..].split_once('}').and_then(|(name, after)| {
            Some((TOKENS.iter().find(|(token, ..)| *token == name)?, after))
        });
        // Anything else in braces is text.
        let Some((token, after)) = known else {
            from = at + 1;
            continue;
        };
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        parts.push(Part::Token(token));
        (rest, from) = (after, 0);
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

/// The text in CloudFormation: plain, `!Ref`, `!GetAtt` or `!Sub`.
pub(super) fn cloudformation(text: &str) -> Node {
    let function = |name: &str, argument: &str| {
        let argument = Node::Text(argument.to_owned());
        Node::Intrinsic(Box::new(Intrinsic { function: name.to_owned(), short: true, argument }))
    };
    match parts(text).as_slice() {
        [Part::Text(text)] => Node::Text((*text).to_owned()),
        [Part::Token((_, name, _))] if name.contains('.') => function("Fn::GetAtt", name),
        [Part::Token((_, name, _))] => function("Ref", name),
        several => {
            let text = several.iter().map(|part| match part {
                Part::Text(text) => text.replace("${", "${!"),
                Part::Token((_, name, _)) => format!("${{{name}}}"),
            });
            function("Fn::Sub", &text.collect::<String>())
        }
    }
}

/// The text in Terraform: in quotes, or an expression of its own.
pub(super) fn terraform(text: &str) -> String {
    match parts(text).as_slice() {
        [Part::Token((_, _, name))] => (*name).to_owned(),
        several => {
            let text = several.iter().map(|part| match part {
                Part::Text(text) => crate::formats::terraform::escaped(text),
                Part::Token((_, _, name)) => format!("${{{name}}}"),
            });
            format!("\"{}\"", text.collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_become_each_format_s_own_words() {
        assert_eq!(terraform("{topic}"), "aws_sns_topic.backup.arn");
        assert_eq!(terraform("s3://{bucket}/x"), "\"s3://${aws_s3_bucket.logs.id}/x\"");
        assert_eq!(terraform("a${b}\"{x}"), "\"a$${b}\\\"{x}\"");
        assert_eq!(cloudformation("plain {x}"), Node::Text("plain {x}".to_owned()));
        assert_eq!(terraform("{x {topic}"), "\"{x ${aws_sns_topic.backup.arn}\"");
        let Node::Intrinsic(sub) = cloudformation("arn:{partition}:x") else { unreachable!() };
        assert_eq!(sub.argument, Node::Text("arn:${AWS::Partition}:x".to_owned()));
        let Node::Intrinsic(get) = cloudformation("{bucket-arn}") else { unreachable!() };
        assert_eq!(get.function, "Fn::GetAtt");
    }
}
