"""The modules with a stand-in for each resource: `terraform_data`, which is part of Terraform itself,
so that the real Terraform can plan them without a provider. It proves what is ours: that modules,
variables, conversions and expressions fit and nothing goes round in circles."""

import re
from pathlib import Path

TYPE = r"(?:aws_\w+|archive_file)"
# What AWS makes up: some text that nobody knows while planning, as the id of a stand-in is.
MADE_UP = {"api_endpoint", "arn", "execution_arn", "id", "key_id", "url"}


def put(root: Path) -> None:
    """Rewrites all files below `infra/`. They are formatted, so that lines tell blocks."""
    for file in sorted((root / "infra").rglob("*.tf")):
        file.write_text(_stand_in(file.read_text()))


def _stand_in(text: str) -> str:
    out, lines = [], iter(text.splitlines())
    for line in lines:
        if re.match(r"(terraform|provider) .*\{$|terraform \{$", line):
            for _ in _rest(lines, "}"):
                pass
        elif match := re.match(rf'(resource|data) "({TYPE})" "(\w+)" \{{(\}}?)$', line):
            kind, type_, name, empty = match.groups()
            label = ("data__" if kind == "data" else "") + f"{type_}__{name}"
            out.append(f'resource "terraform_data" "{label}" {{')
            out += _body([] if empty else list(_rest(lines, "}")))
            out.append("}")
        else:
            out.append(_references(line))
    return "\n".join(out) + "\n"


def _rest(lines, end: str):
    for line in lines:
        if line == end:
            return
        yield line


def _body(lines: list[str]) -> list[str]:
    own, given, rest = [], [], iter(lines)
    for line in rest:
        if re.match(r"  (count|for_each|depends_on) +=", line):
            own.append(_references(line))
        elif line == "  lifecycle {":
            own += [line, *_rest(rest, "  }"), "  }"]
        else:
            block = re.match(r"( +)(\w+) \{(\}?)$", line)
            # Blocks of one name become arguments with numbers.
            given.append(
                f"{block[1]}{block[2]}_{len(given)} = {{{block[3]}" if block else _references(line)
            )
    return [*own, "  input = {", *given, "  }"]


def _references(line: str) -> str:
    line = re.sub(r"\bdata\.(\w+)\.(\w+)\.(\w+)", r"terraform_data.data__\1__\2.id", line)
    # What AWS tells in an object of a list.
    line = re.sub(rf"one\(({TYPE})\.(\w+)\.domain_validation_options\)\.\w+", r"terraform_data.\1__\2.id", line)
    line = re.sub(rf"({TYPE})\.(\w+)\.domain_name_configuration\[0\]\.\w+", r"terraform_data.\1__\2.id", line)
    line = re.sub(rf"(?<![\w.\"]){TYPE}\.\w+(\[\w+\])?\.\w+", _attribute, line)
    return re.sub(rf"(?<![\w.\"])({TYPE})\.(\w+)(?=[,\]])", r"terraform_data.\1__\2", line)


def _attribute(match: re.Match) -> str:
    type_, name, attribute = match.group().split(".")
    own = "id" if attribute in MADE_UP else f"output.{attribute}"
    # The index, if there is one, stays at the name.
    return f"terraform_data.{type_}__{name}.{own}"
