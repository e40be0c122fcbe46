"""usage: terraform_arguments.py FILE KIND…: writes what the AWS provider's schema says of blocks.

The schema is taken from the package cdktf-cdktf-provider-aws of PyPI, which is generated from the
provider's own. KIND is a resource's type such as aws_iam_role, or data.aws_region.
"""

import ast
import importlib.metadata
import json
import re
import sys
from pathlib import Path

PACKAGE = "cdktf-cdktf-provider-aws"
META = {"connection", "count", "depends_on", "for_each", "provider", "provisioners"}


def classes(source):
    """Each class with its constructor's keywords, and which of them are required."""
    found = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for function in node.body:
            if isinstance(function, ast.FunctionDef) and function.name == "__init__":
                keywords = zip(function.args.kwonlyargs, function.args.kw_defaults)
                found[node.name] = {word.arg: default is None for word, default in keywords}
    return found


def block(known, name, path):
    words = known[name]
    says = {"required": [], "optional": []}
    for word, required in words.items():
        if word in META and not path:
            continue
        argument = word.removesuffix("_") if word.endswith("_") else word
        says["required" if required else "optional"].append(argument)
    base = (name.removesuffix("Config") if not path else name).removesuffix("A")
    for word in words:
        inner = base + "".join(part.capitalize() for part in re.split("_", word))
        inner = next((inner + end for end in ("", "A") if inner + end in known), name)
        if inner != name:
            says.setdefault("blocks", {})[word] = block(known, inner, path + [word])
    return says


folder = Path(importlib.metadata.distribution(PACKAGE).locate_file(PACKAGE.replace("-", "_")))
folder = folder.parent / "cdktf_cdktf_provider_aws"
version = importlib.metadata.version(PACKAGE)
out = {"package": f"{PACKAGE} {version}"}
for kind in sorted(sys.argv[2:]):
    data, _, rest = kind.rpartition(".")
    module = ("data_" if data else "") + ("aws_" + rest.removeprefix("aws_") if data else rest.removeprefix("aws_"))
    known = classes((folder / module / "__init__.py").read_text(encoding="utf-8"))
    # Where a name would be that of another class, the package puts an A behind it.
    wanted = {module.replace("_", "") + ending for ending in ("config", "aconfig")}
    config = next(name for name in known if name.lower() in wanted)
    out[kind] = block(known, config, [])
Path(sys.argv[1]).write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")
