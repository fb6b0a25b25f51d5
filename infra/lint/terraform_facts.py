"""The facts that Terraform modules tell."""

from pathlib import Path

import facts
import read_kind
from facts import FactsError, System
from kinds import BUCKET_PARTS, BY_TERRAFORM
from terraform import Instance, Module

# Resources whose arguments are read one by one: what else they may not have.
KNOWN = {
    "aws_iam_role": {"name", "assume_role_policy"},
    "aws_iam_role_policy": {"name", "role", "policy"},
    "aws_iam_role_policy_attachment": {"role", "policy_arn"},
    "aws_iam_policy": {"name", "description", "policy"},
    "aws_s3_bucket_policy": {"bucket", "policy", "lifecycle"},
}
# What is kept when all else goes: it is told as a setting.
KEPT = {"aws_s3_bucket", "aws_acm_certificate", "aws_apigatewayv2_domain_name", "aws_route53_record"}
# What has a role: the argument that names it, and what the owner is called.
OWNERS = {
    "aws_lambda_function": ("role", "function_name", "function"),
    "aws_sfn_state_machine": ("role_arn", "name", "state machine"),
    "aws_scheduler_schedule": ("target", "name", "schedule"),
}


def read(module: Module) -> System:
    """The facts of a module with all that is in it."""
    system = System()
    instances = module.resources()
    owners = _owners(instances)
    integrations = {
        one.attribute("id"): one.settings()
        for one in instances
        if one.type == "aws_apigatewayv2_integration"
    }
    used = set()
    for one in instances:
        given = one.settings()
        if unknown := set(given) - KNOWN.get(one.type, set(given)):
            raise FactsError(f"{one.address}: nobody compares {sorted(unknown)} yet")
        if one.type.startswith("aws_iam_role"):
            _role(system, one, given, owners)
        elif one.type == "aws_iam_policy":
            system.add("policy", one.id, {"description": given["description"]})
            _statements(system, f"policy {one.id}", given["policy"])
        elif one.type == "aws_s3_bucket_policy":
            _statements(system, f"policy of {_id(given['bucket'])}", given["policy"])
        elif one.type == "aws_lambda_function_recursion_config":
            system.add("function", _id(given.pop("function_name")), given, merge=True)
        elif one.type in BUCKET_PARTS:
            bucket = _id(given.pop("bucket"))
            # That it is kept is Terraform's alone: for CloudFormation it is part of the bucket.
            given.pop("lifecycle", None)
            system.add("bucket", bucket, {BUCKET_PARTS[one.type]: given}, merge=True)
        elif one.type == "aws_apigatewayv2_route":
            used.add(given["target"].removeprefix("integrations/"))
            _route(system, given, integrations)
        elif one.type in ("aws_apigatewayv2_integration", "aws_acm_certificate_validation"):
            # The one is told with its routes; to wait for the other is what CloudFormation does by itself.
            continue
        elif (one.type, one.id) == ("aws_route53_record", "Validation"):
            # CloudFormation makes the record for the certificate.
            system.add("certificate", "Certificate", {"validation_zone": given["zone_id"]}, merge=True)
        elif one.type in BY_TERRAFORM:
            _plain(system, one, given)
        else:
            raise FactsError(f"{one.address}: nobody compares {one.type} yet; kinds.py is the place")
    if unused := set(integrations) - used:
        raise FactsError(f"no route leads to {sorted(unused)}")
    # One that is null is none.
    for name, of in ((name, of) for name, of in module.outputs().items() if of is not None):
        system.add("output", name, {"value": of})
    return system


def read_folder(folder: Path, given: dict) -> System:
    return read(Module(folder, given))


def _id(token: str) -> str:
    return token.strip("<>").split(".")[0]


def _owners(instances: list[Instance]) -> dict[str, str]:
    """Whose a role is, by the tokens of its ARN and its name."""
    roles = {}
    for one in (i for i in instances if i.type in OWNERS):
        argument, name, kind = OWNERS[one.type]
        given = one.settings()
        arn = given["target"][0]["role_arn"] if argument == "target" else given[argument]
        owner = f"{kind} {given[name]}"
        if arn in roles:
            raise FactsError(f"{owner} shares its role with {roles[arn]}")
        roles[arn] = owner
    return roles | {arn.replace(".arn>", ".name>"): owner for arn, owner in roles.items()}


def _role(system: System, one: Instance, given: dict, owners: dict[str, str]) -> None:
    token = one.attribute("arn") if one.type == "aws_iam_role" else given["role"]
    if token not in owners:
        raise FactsError(f"nobody has the role of {one.address}")
    owner = owners[token]
    if one.type == "aws_iam_role":
        (statement,) = facts.parsed(given["assume_role_policy"], one.address)["Statement"]
        trusted = {key: of for key, of in statement.items() if key != "Sid"}
        system.add("role of", owner, {"trusts": trusted})
    elif one.type == "aws_iam_role_policy":
        _statements(system, owner, given["policy"])
    elif one.type == "aws_iam_role_policy_attachment":
        policy = {"Effect": "Allow", "Action": "(managed policy)", "Resource": given["policy_arn"]}
        system.allow(owner, policy)
    else:
        raise FactsError(f"{one.address}: nobody compares {one.type} yet")


def _statements(system: System, owner: str, policy: str) -> None:
    for statement in facts.parsed(policy, owner)["Statement"]:
        system.allow(owner, statement)


def _route(system: System, given: dict, integrations: dict[str, dict]) -> None:
    integration = integrations[given["target"].removeprefix("integrations/")]
    rest = {k: of for k, of in given.items() if k not in ("api_id", "route_key", "target")}
    settings = {
        "type": integration["integration_type"].lower(),
        "method": integration["integration_method"],
        "function": integration["integration_uri"],
        "payload_format_version": integration["payload_format_version"],
    }
    known = {"api_id", "integration_type", "integration_method", "integration_uri", "payload_format_version"}
    rest |= {k: of for k, of in integration.items() if k not in known}
    system.add("route", given["route_key"], settings | rest)


def _plain(system: System, one: Instance, given: dict) -> None:
    kind = BY_TERRAFORM[one.type]
    lifecycle = (given.pop("lifecycle", None) or [{}])[0]
    if one.type in KEPT:
        given["kept"] = lifecycle.get("prevent_destroy", False)
    name = given[kind.name[1]] if kind.name else one.id
    system.add(kind.kind, name, read_kind.settings(kind, given, True), merge=kind.kind in ("bucket", "certificate"))
    if one.type == "aws_kms_key":
        _statements(system, f"policy of {one.id}", given["policy"])
