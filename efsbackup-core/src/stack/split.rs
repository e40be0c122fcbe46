//! The split that many run already: the roles in Terraform, the pipeline in CloudFormation, each
//! with the names they have there.

use super::node::{map, text};
use super::policy::Statement;
use super::terraform::{Blocks, expression};
use crate::error::Result;
use crate::formats::cloudformation::Template;
use crate::formats::yaml;
use crate::pipeline::{FieldValue, Intrinsic, Node, ParameterValue};
use crate::recipe::EfsBackup;

/// The roles and the profile. The name that they begin with is a variable.
pub(super) fn terraform(name: &str) -> String {
    let mut blocks = Blocks::default();
    let variable = map([("type", expression("string")), ("default", text(name))]);
    blocks.block("variable \"name\"", &variable);
    for (resource, role, service, managed) in [
        (
            "datapipeline_resource",
            "datapipeline-resource-role",
            "ec2",
            "AmazonEC2RoleforDataPipelineRole",
        ),
        ("datapipeline_role", "datapipeline-role", "datapipeline", "AWSDataPipelineRole"),
    ] {
        let assumed = Statement::assumed_by(&[service]);
        let assumed = blocks.document(resource, &[assumed]);
        let name = expression(&format!("\"${{var.name}}-{role}\""));
        blocks.resource(
            "aws_iam_role",
            resource,
            [("name", name), ("assume_role_policy", assumed)],
        );
        let arn = text(&format!("arn:aws:iam::aws:policy/service-role/{managed}"));
        let of = |attribute: &str| expression(&format!("aws_iam_role.{resource}.{attribute}"));
        let body = [("role", of("name")), ("policy_arn", arn)];
        blocks.resource("aws_iam_role_policy_attachment", resource, body);
        if service == "ec2" {
            let name = expression("\"${var.name}-datapipeline-resource\"");
            let body = [("name", name), ("role", of("name"))];
            blocks.resource("aws_iam_instance_profile", resource, body);
        }
    }
    blocks.text()
}

/// The pipeline alone. What the spec leaves open is a parameter of the template.
pub(super) fn cloudformation(spec: &EfsBackup, name: &str) -> Result<String> {
    let mut definition = spec.definition()?;
    let mut parameters = Vec::new();
    for (id, role) in [
        ("myDataPipelineRole", format!("{name}-datapipeline-role")),
        ("myDataPipelineResourceRole", format!("{name}-datapipeline-resource")),
    ] {
        if definition.values_of(id).next().is_none() {
            definition.values.push(ParameterValue::new(id, role));
        }
    }
    for parameter in definition.parameters.clone() {
        let id = parameter.id.as_str();
        let known = definition.values.iter().any(|value| value.id == id);
        if known || parameter.attribute("default").is_some() {
            continue;
        }
        let open = id.trim_start_matches("my").to_owned();
        let argument = text(&open);
        let reference = Intrinsic { function: "Ref".to_owned(), short: true, argument };
        let value = FieldValue::Intrinsic(Box::new(reference));
        definition.values.push(ParameterValue { id: id.to_owned(), value });
        let about = text(parameter.attribute("description").unwrap_or_default());
        parameters.push((open, map([("Type", text("String")), ("Description", about)])));
    }
    let mut entries = vec![
        ("AWSTemplateFormatVersion", text("2010-09-09")),
        ("Description", text(&format!("Backup {name}"))),
    ];
    if !parameters.is_empty() {
        entries.push(("Parameters", Node::Map(parameters)));
    }
    let pipeline = Template::new(definition).name(name).resource()?;
    entries.push(("Resources", map([("Pipeline", pipeline)])));
    Ok(yaml::write(&map(entries)))
}
