"""A system as plain facts, whichever description they come from: kind, name and settings of every
resource, and who may do what to what. `terraform.py` and `sam.py` tell them, `compare.py` sets them
against each other.

All that only AWS knows is the same token on both sides, `<Pairs.arn>`, or text made of the constants
below. Knows neither language.
"""

import json
from dataclasses import dataclass, field

PARTITION, REGION, SUFFIX = "aws", "eu-central-1", "amazonaws.com"
ACCOUNT = "123456789012"


def arn(service: str, rest: str) -> str:
    return f"arn:{PARTITION}:{service}:{REGION}:{ACCOUNT}:{rest}"


def function_arn(name: str) -> str:
    return arn("lambda", f"function:{name}")


def machine_arn(name: str) -> str:
    return arn("states", f"stateMachine:{name}")


def topic_arn(name: str) -> str:
    return arn("sns", name)


def log_group_arn(name: str) -> str:
    return arn("logs", f"log-group:{name}")


class FactsError(Exception):
    """A description says something that cannot be understood; nothing is compared then."""


@dataclass(frozen=True)
class Grant:
    """One action on one resource."""

    owner: str
    effect: str
    principal: str
    action: str
    resource: str


@dataclass
class System:
    """Settings by kind and name; conditions by grant."""

    resources: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    grants: dict[Grant, str] = field(default_factory=dict)

    def add(self, kind: str, name: str, settings: dict, merge: bool = False) -> None:
        if (kind, name) in self.resources and not merge:
            raise FactsError(f"there are two of {kind} {name}")
        self.resources.setdefault((kind, name), {}).update(flat(settings))

    def allow(self, owner: str, statement: dict) -> None:
        """Takes a statement of a policy apart. Its Sid is a comment and is left out."""
        known = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
        if unknown := set(statement) - known:
            raise FactsError(f"{owner}: {sorted(unknown)} in a statement")
        condition = flat(statement.get("Condition", {}))
        text = ", ".join(f"{key} = {of}" for key, of in sorted(condition.items()))
        principals = flat({"": statement.get("Principal", "")})
        principal = ", ".join(f"{k.strip('.')} {v}".strip() for k, v in sorted(principals.items()))
        for action in texts(statement["Action"]):
            for resource in texts(statement["Resource"]):
                grant = Grant(owner, statement["Effect"], principal, action, resource)
                if grant in self.grants and self.grants[grant] != text:
                    text = " or ".join(sorted({self.grants[grant], text}))
                self.grants[grant] = text


def texts(of) -> list[str]:
    return [scalar(one) for one in of] if isinstance(of, list) else [scalar(of)]


def scalar(of) -> str:
    """CloudFormation writes numbers as text now and then."""
    if isinstance(of, bool):
        return str(of).lower()
    if isinstance(of, int | float | str):
        return str(of)
    raise FactsError(f"{of!r} is no value")


def flat(settings, prefix: str = "") -> dict[str, str]:
    """`{"a": {"b": 1}}` as `{"a.b": "1"}`. What is not set, is not there. A list with one block is
    that block; blocks with an id are called by it."""
    if settings is None or settings == [] or settings == {}:
        return {}
    if isinstance(settings, dict):
        out = {}
        for key, of in settings.items():
            out |= flat(of, f"{prefix}.{key}" if prefix else str(key))
        return out
    if isinstance(settings, list):
        return _flat_list(settings, prefix)
    return {prefix: scalar(settings)}


def _flat_list(all_of: list, prefix: str) -> dict[str, str]:
    if not any(isinstance(one, dict | list) for one in all_of):
        return {prefix: ", ".join(sorted(scalar(one) for one in all_of))}
    if all(isinstance(one, dict) and set(one) == {"Name", "Value"} for one in all_of):
        return flat({one["Name"]: one["Value"] for one in all_of}, prefix)
    ids = [one.get("id") or one.get("Id") for one in all_of if isinstance(one, dict)]
    if all(ids) and len(ids) == len(all_of):
        out = {}
        for id_, one in zip(ids, all_of):
            rest = {key: of for key, of in one.items() if key.lower() != "id"}
            out |= flat(rest, f"{prefix}[{id_}]")
        return out
    if len(all_of) == 1:
        return flat(all_of[0], prefix)
    out = {}
    for number, one in enumerate(all_of):
        out |= flat(one, f"{prefix}[{number}]")
    return out


def parsed(text: str, place: str):
    try:
        return json.loads(text)
    except ValueError as error:
        raise FactsError(f"{place} is no JSON: {error}") from error


# --- What is different ---------------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class Difference:
    """`left` and `right` are what the two say; nothing where one does not know of it at all."""

    what: str
    setting: str
    left: str | None
    right: str | None


def differences(left: System, right: System) -> list[Difference]:
    found = []
    for key in sorted(left.resources.keys() | right.resources.keys()):
        name = " ".join(key)
        one, other = left.resources.get(key), right.resources.get(key)
        if one is None or other is None:
            there = [None if of is None else "is there" for of in (one, other)]
            found.append(Difference(name, "(all of it)", *there))
            continue
        for setting in sorted(one.keys() | other.keys()):
            values = one.get(setting), other.get(setting)
            if values[0] != values[1]:
                found.append(Difference(name, setting, *values))
    for grant in left.grants.keys() | right.grants.keys():
        said = [None if g is None else g or "allowed" for g in (left.grants.get(grant), right.grants.get(grant))]
        if said[0] != said[1]:
            who = f"{grant.owner} ({grant.principal})" if grant.principal else grant.owner
            verb = "" if grant.effect == "Allow" else f"{grant.effect} "
            found.append(Difference(who, f"{verb}{grant.action} on {grant.resource}", *said))
    return sorted(found, key=lambda d: (d.what, d.setting))
