"""Reads pipeline definitions in Terraform's native syntax with python-hcl2.

Prints a JSON object: for each file that is named, the objects of its definitions as the API
has them. python-hcl2 tells where strings and heredocs begin and end; what they mean is
worked out here, by HCL's specification.
"""

import json
import re
import sys

import hcl2

SHORT = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def template(text):
    if re.search(r"(?<![$])[$]{|(?<!%)%{", text):
        raise ValueError(f"{text!r} computes something")
    return text.replace("$${", "${").replace("%%{", "%{")


def escape(match):
    code = match[1]
    return SHORT[code] if code in SHORT else chr(int(code[1:], 16))


def value(raw):
    body = raw[1:-1]
    heredoc = re.match(r"<<-(\w+)\n", body)
    if raw.startswith('"') and heredoc:
        lines = body.split("\n")[1:-1]
        indent = min(len(line) - len(line.lstrip()) for line in lines if line)
        return template("".join(line[indent:] + "\n" for line in lines))
    if not raw.startswith('"'):
        raise ValueError(f"{raw!r} is not text")
    # Split at escapes, so that what an escape gives is not taken for the template's.
    text = template(body)
    return re.sub(r'\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[nrt"\\])', escape, text)


def field(block):
    kind = "stringValue" if "string_value" in block else "refValue"
    raw = block["string_value" if kind == "stringValue" else "ref_value"]
    return {"key": value(block["key"]), kind: value(raw)}


def definitions(path):
    with open(path, encoding="utf-8", newline="") as file:
        tree = hcl2.load(file)
    for resource in tree["resource"]:
        for kind, names in resource.items():
            if kind == '"aws_datapipeline_pipeline_definition"':
                for body in names.values():
                    if isinstance(body, dict):
                        yield body


def objects(path):
    found = []
    for body in definitions(path):
        for block in body["pipeline_object"]:
            fields = [field(inner) for inner in block.get("field", [])]
            found.append({"id": value(block["id"]), "name": value(block["name"]), "fields": fields})
    return found


json.dump({path: objects(path) for path in sys.argv[1:]}, sys.stdout)
