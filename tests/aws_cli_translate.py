"""Translates definition files as the AWS CLI does, with its own code.

Each file that is named becomes one entry of the JSON object on stdout: what the AWS CLI
would send (pipelineObjects, parameterObjects, parameterValues), the definition file that it
would print for that answer again (file), or the error with which it would stop (error).
"""

import copy
import json
import sys

from awscli.customizations.datapipeline import translator


def text_is_text(sent):
    """What botocore checks before it sends: every value is text."""
    for element in sent["pipelineObjects"] + (sent["parameterObjects"] or []):
        fields = element.get("fields", element.get("attributes"))
        for field in fields:
            value = field.get("stringValue", field.get("refValue"))
            if not isinstance(value, str):
                raise ValueError(f"{element['id']}.{field['key']}: {value!r} is not text")
    for value in sent["parameterValues"] or []:
        if not isinstance(value["stringValue"], str):
            raise ValueError(f"{value['id']}: {value['stringValue']!r} is not text")


def translate(path):
    try:
        with open(path, encoding="utf-8-sig") as file:
            definition = json.load(file)
        sent = {
            "pipelineObjects": translator.definition_to_api_objects(definition),
            "parameterObjects": translator.definition_to_api_parameters(definition),
            "parameterValues": translator.definition_to_parameter_values(definition),
        }
        text_is_text(sent)
    except (ValueError, translator.PipelineDefinitionError) as error:
        return {"error": str(error)}
    sent = {key: value for key, value in sent.items() if value or key == "pipelineObjects"}
    return {**sent, "file": translator.api_to_definition(copy.deepcopy(sent))}


json.dump({path: translate(path) for path in sys.argv[1:]}, sys.stdout)
