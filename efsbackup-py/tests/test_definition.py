"""Definitions as a Python program meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from efsbackup import Definition, DefinitionError, EfsBackupError, NotFoundError

TEXT = """{
  "objects": [
    {"id": "Default", "schedule": {"ref": "Hourly"}, "pipelineLogUri": "#{myLogs}"},
    {"id": "Hourly", "type": "Schedule", "period": "1 hours", "startAt": "FIRST_ACTIVATION_DATE_TIME"},
    {"id": "Run", "type": "ShellCommandActivity", "workerGroup": "g", "command": "date",
     "scriptArgument": ["#{myArguments}"], "*password": "#{*myPassword}"}
  ],
  "parameters": [{"id": "myLogs"}, {"id": "myArguments", "isArray": "true"}, {"id": "*myPassword"}],
  "values": {"*myPassword": "s3cr3t"}
}"""

FORMS = ["cli", "api", "cfn-yaml", "cfn-json", "terraform", "terraform-json"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found_out_and_means_the_same(form: str, tmp_path: Path) -> None:
    definition = Definition.parse(TEXT)
    file = tmp_path / "pipeline"
    file.write_text(definition.to(form), encoding="utf-8")
    again = Definition.load(file)
    assert again.form == form
    assert again == definition
    assert again.to(form) == file.read_text(encoding="utf-8")


def test_values_come_in_and_secrets_do_not_come_out() -> None:
    definition = Definition.parse(TEXT)
    resolved = definition.resolve({"myLogs": "s3://logs/", "myArguments": ["a", "b"]})
    shown = [resolved.draw(kind) for kind in ("svg", "dot", "mermaid", "text")]
    assert "s3://logs/" in shown[3]
    assert "scriptArgument a\n  scriptArgument b\n" in shown[3]
    shown += [resolved.to(form) for form in FORMS if form.startswith(("c", "a"))]
    shown += [str(definition.diff(resolved)), repr(resolved), str(resolved.validate())]
    assert not any("s3cr3t" in text for text in shown)
    with pytest.raises(NotFoundError, match="did you mean myLogs?"):
        definition.resolve({"myLog": "x"})


def test_findings_have_code_place_and_words() -> None:
    broken = Definition.parse(TEXT.replace('{"ref": "Hourly"}', '{"ref": "Hourle"}'))
    finding = broken.validate()[0]
    assert (finding.code, finding.is_error) == ("E301", True)
    assert str(finding).startswith("E301 Default.schedule: there is no object Hourle; did you")
    assert not [found for found in Definition.parse(TEXT).validate() if found.is_error]


def test_what_is_wrong_with_a_file_is_an_exception_with_its_place() -> None:
    with pytest.raises(DefinitionError, match="line 1, column 14"):
        Definition.parse('{"objects": [,]}')
    assert Definition.parse('{"objects": [/* none */]}', lenient=True).form == "cli"
    with pytest.raises(EfsBackupError, match="the forms are cli, api"):
        Definition.parse(TEXT).to("xml")


def test_a_picture_shows_how_runs_went() -> None:
    picture = Definition.parse(TEXT).draw(theme="dark", states={"Run": "FAILED"})
    assert ">FAILED 1</text>" in picture and "#0f172a" in picture
    assert Definition.parse(TEXT)._repr_svg_().startswith("<svg ")
