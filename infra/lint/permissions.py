"""The table of docs/security.md: who may do what to what, as both descriptions have it."""

import re
from itertools import groupby

import facts
from facts import Grant, System

BEGIN = "<!-- The table is made by `make security`, from template.yaml. -->"
END = "<!-- End of the table. -->"


def within(document: str, system: System) -> str:
    """The document with the table as it should be."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or not after:
        raise facts.FactsError("docs/security.md has no place for the table")
    return f"{before}{BEGIN}\n\n{table(system)}\n\n{END}{after}"


def table(system: System) -> str:
    """Owner by owner; actions with the same resource and condition share a row."""
    rows = [
        "| who | may | on | only if |",
        "|---|---|---|---|",
    ]

    def place(item: tuple[Grant, str]):
        grant, condition = item
        return _who(grant), grant.effect, _resource(grant.resource), condition

    items = sorted(system.grants.items(), key=lambda item: (place(item), item[0].action))
    before = None
    for (who, effect, resource, condition), group in groupby(items, key=place):
        verb = "" if effect == "Allow" else "**not** "
        actions = ", ".join(f"`{grant.action}`" for grant, _ in group)
        only = f"`{_anywhere(condition)}`" if condition else ""
        rows.append(f"| {who if who != before else ''} | {verb}{actions} | {resource} | {only} |")
        before = who
    return "\n".join(rows)


def _who(grant: Grant) -> str:
    if grant.principal:
        return f"{grant.owner}: `{_anywhere(grant.principal)}`"
    kind, _, name = grant.owner.rpartition(" ")
    return f"{kind} `{name}`"


def _resource(resource: str) -> str:
    if match := re.fullmatch(r"<(\w+)\.arn>(/.*)?", resource):
        return f"`{match[1]}{match[2] or ''}`"
    return f"`{_anywhere(resource)}`"


def _anywhere(text: str) -> str:
    return text.replace(facts.ACCOUNT, "ACCOUNT").replace(facts.REGION, "REGION")
