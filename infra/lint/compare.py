"""Compares template.yaml with the Terraform modules, and infra/domain/template.yaml with its module: every
resource, setting, permission, variable, event source and alarm, for several sets of parameters. Ends with
"the same system", or with a table of differences and the exit code 1.

    compare.py            compares, and looks whether the table in docs/security.md is current
    compare.py --write    writes that table
"""

import argparse
import sys
from pathlib import Path

import facts
import permissions
import sam
import terraform_facts
from facts import Difference, FactsError
from hcl import HclError
from terraform import Module

ROOT = Path(__file__).resolve().parents[2]
# Terraform's alone: the name of the stack is no parameter of SAM, and the artifact's path is `CodeUri`.
NOT_PARAMETERS = {"stack", "bootstrap", "bootstrap_apply"}
# The parameters of infra/domain without a default.
DOMAIN = {"DomainName": "lists.example.org"}


class Project:
    """Where the two descriptions are."""

    def __init__(self, root: Path = ROOT):
        self.root = root
        self.modules = root / "infra" / "modules" / "system"
        self.environments = sorted((root / "infra" / "envs").glob("*/"))
        self.template = sam.Template(root / "template.yaml")
        self.domain = sam.Template(root / "infra" / "domain" / "template.yaml")
        self.domain_modules = root / "infra" / "modules" / "domain"

    def worlds(self) -> dict[str, dict[str, str]]:
        """Sets of parameters: as they come, and each one otherwise, so that one that is ignored
        somewhere shows."""
        return _worlds(self.template)

    def differences(self) -> list[tuple[str, Difference]]:
        """Every difference, with the world that shows it first."""
        found: dict[Difference, str] = {}
        for world, given in self.worlds().items():
            stack = "livelist" if not given else "otherwise"
            variables = {"stack": stack, "bootstrap": "bootstrap"}
            variables |= {sam.snake(name): of for name, of in given.items()}
            ours = self.template.facts(stack, given)
            theirs = terraform_facts.read_folder(self.modules, variables)
            for one in facts.differences(ours, theirs):
                found.setdefault(one, f"parameters {world}")
        for one in self.parameters():
            found.setdefault(one, "")
        for world, given in _worlds(self.domain).items():
            for one in self.domain_differences(DOMAIN | given):
                found.setdefault(one, f"domain, parameters {world}")
        for folder in self.environments:
            for one in self._environment(folder):
                found.setdefault(one, folder.name)
        return sorted((world, one) for one, world in found.items())

    def domain_differences(self, given: dict[str, str]) -> list[Difference]:
        variables = {sam.snake(name): of for name, of in given.items()}
        theirs = terraform_facts.read_folder(self.domain_modules, variables)
        return facts.differences(self.domain.facts("domain", given), theirs)

    def parameters(self) -> list[Difference]:
        """Names, defaults, and what is let through."""
        found = _parameters(self.template, Module(self.modules, {"bootstrap": "bootstrap"}))
        needed = {sam.snake(name): of for name, of in DOMAIN.items()}
        return found + _parameters(self.domain, Module(self.domain_modules, needed))

    def _environment(self, folder: Path) -> list[Difference]:
        """An example against a SAM stack with the same parameters."""
        given = {"account": facts.ACCOUNT, "region": facts.REGION}
        if ("domain",) in Module(folder, given).blocks["module"]:
            return self._domain_environment(folder, given)
        module = Module(folder, given | {"alert_email": "a@example.org"})
        installation = module.child("livelist")
        names = {sam.snake(name): name for name in self.template.parameters}
        set_ = {name: installation.variable(name) for name in installation.given}
        parameters = {names[n]: facts.scalar(of) for n, of in set_.items() if n in names}
        found = facts.differences(
            self.template.facts(set_["stack"], parameters), terraform_facts.read(installation)
        )
        artifact = (self.template.artifact / "bootstrap").resolve()
        if Path(set_["bootstrap"]).resolve() != artifact:
            found.append(Difference("artifact", "path", str(artifact), set_["bootstrap"]))
        return found

    def _domain_environment(self, folder: Path, given: dict[str, str]) -> list[Difference]:
        """It hands on all that may be said, and nothing else."""
        parameters = DOMAIN | {"HostedZoneId": "zone", "ApiId": "api"}
        address = Module(folder, given | {sam.snake(name): of for name, of in parameters.items()}).child("domain")
        return facts.differences(self.domain.facts("domain", parameters), terraform_facts.read(address))


def _worlds(template: sam.Template) -> dict[str, dict[str, str]]:
    others = {name: _other(of) for name, of in template.parameters.items()}
    return {"as they come": {}, "all otherwise": others}


def _parameters(template: sam.Template, module: Module) -> list[Difference]:
    variables = {name for (name,) in module.blocks["variable"]} - NOT_PARAMETERS
    parameters = {sam.snake(name): of for name, of in template.parameters.items()}
    found = []
    for name in sorted(variables | set(parameters)):
        if name not in variables or name not in parameters:
            there = ["is there" if name in of else None for of in (parameters, variables)]
            found.append(Difference(f"parameter {name}", "(all of it)", *there))
            continue
        declared = parameters[name]
        has_default = "default" in module.blocks["variable"][(name,)].arguments
        defaults = [
            facts.scalar(declared["Default"]) if "Default" in declared else None,
            facts.scalar(module.variable(name)) if has_default else None,
        ]
        if defaults[0] != defaults[1]:
            found.append(Difference(f"parameter {name}", "default", *defaults))
        for probe, fits in _probes(declared).items():
            if module.accepts(name, probe) != fits:
                said = ["allowed" if of else "refused" for of in (fits, not fits)]
                found.append(Difference(f"parameter {name}", f"value {probe!r}", *said))
    return found


def _other(parameter: dict) -> str | int:
    """Another value than the default."""
    if "AllowedValues" in parameter:
        return next(of for of in parameter["AllowedValues"] if of != parameter["Default"])
    if parameter["Type"] == "Number":
        return parameter["MinValue"] + 1
    if "Default" not in parameter:
        return "other.example.org"
    return "/other/path" if "AllowedPattern" in parameter else "otherwise"


def _probes(parameter: dict) -> dict:
    """Values at the edges, and whether CloudFormation lets them through."""
    if "AllowedValues" in parameter:
        values = parameter["AllowedValues"]
        other = max(values) + 1 if isinstance(values[0], int) else "otherwise"
        return {**dict.fromkeys(values, True), other: False}
    probes = {}
    if "MinValue" in parameter:
        probes |= {parameter["MinValue"]: True, parameter["MinValue"] - 1: False}
    if "MaxValue" in parameter:
        probes |= {parameter["MaxValue"]: True, parameter["MaxValue"] + 1: False}
    if "AllowedPattern" in parameter and "Default" not in parameter:
        hosts = {"a.example.org": True, "a-b.example.org": True, "example.org.": False}
        return hosts | dict.fromkeys(("org", "A.example.org", "-a.example.org", "https://example.org"), False)
    if "AllowedPattern" in parameter:
        probes |= {"/a/b.c": True, "a/b": False, "/a/": False, "/": False, "/a b": False}
    return probes


def table(found: list[tuple[str, Difference]]) -> str:
    rows = [("where", "what", "setting", "template.yaml", "Terraform")]
    for world, one in found:
        said = ["–" if of is None else of for of in (one.left, one.right)]
        rows.append((world, one.what, one.setting, *said))
    cut = [[cell if len(cell) <= 90 else f"{cell[:87]}…" for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cut) for i in range(5)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in cut]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the table in docs/security.md")
    options = parser.parse_args()
    try:
        project = Project()
        found = project.differences()
        system = project.template.facts("STACK", {"Records": "ENABLED"})
    except (FactsError, HclError) as error:
        print(f"Cannot be compared: {error}", file=sys.stderr)
        return 1
    if found:
        print(f"template.yaml and infra/modules differ in {len(found)} places:\n", file=sys.stderr)
        print(table(found), file=sys.stderr)
        return 1
    document = project.root / "docs" / "security.md"
    current = permissions.within(document.read_text(), system)
    if options.write:
        document.write_text(current)
    elif current != document.read_text():
        print("docs/security.md is not current: run `make security`.", file=sys.stderr)
        return 1
    print(
        f"template.yaml and infra/modules are the same system: {len(system.resources)} resources, "
        f"{len(system.grants)} grants. So are infra/domain and its module."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
