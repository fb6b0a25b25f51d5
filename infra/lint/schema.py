"""Checks the Terraform files against the schema of their providers: resource types, arguments, nested
blocks, what is required, and what is read of resources. What `terraform validate` does, for where no
provider can be had.
"""

import difflib
import re
import sys
from pathlib import Path

import hcl
import provider_schema
from hcl import Block, HclError
from provider_schema import Schema, SchemaError

ROOT = Path(__file__).resolve().parents[2]

META = {"count", "for_each", "depends_on", "provider"}
META_BLOCKS = {
    "lifecycle": {"create_before_destroy", "prevent_destroy", "ignore_changes", "replace_triggered_by"},
}
# Terraform's own blocks: the arguments they need, and those they may have.
OWN = {
    "variable": ({"type", "description"}, {"default", "nullable", "sensitive", "ephemeral"}),
    "output": ({"value", "description"}, {"sensitive", "depends_on", "ephemeral"}),
    "validation": ({"condition", "error_message"}, set()),
}


def check(root: Path = ROOT) -> list[str]:
    """Everything that is wrong, a line each."""
    schemas = {name: provider_schema.load(name) for name in provider_schema.PACKAGES}
    wrong = []
    for folder in sorted({file.parent for file in (root / "infra").glob("*/*/*.tf")}):
        wrong += _Folder(folder, schemas, root).check()
    return wrong


class _Folder:
    def __init__(self, folder: Path, schemas: dict[str, Schema], root: Path):
        self.schemas, self.root, self.wrong = schemas, root, []
        self.blocks = hcl.read_folder(folder)
        self.resources = {tuple(b.labels): b for b in self.blocks if b.kind == "resource"}
        self.data = {tuple(b.labels): b for b in self.blocks if b.kind == "data"}

    def say(self, block: Block, text: str) -> None:
        self.wrong.append(f"{block.place.removeprefix(f'{self.root}/')}: {text}")

    def check(self) -> list[str]:
        for block in self.blocks:
            match block.kind:
                case "resource" | "data":
                    self.thing(block)
                case "provider":
                    schema = self.schemas[block.labels[0]]
                    self.body(block, schema, schema.types["provider"]["block"], {"alias"})
                case "terraform":
                    self.versions(block)
                case "variable" | "output":
                    self.own(block)
                case "module" | "locals":
                    pass
                case other:
                    self.say(block, f"there is no block {other}")
            for tree in _trees(block):
                self.references(block, tree)
        return self.wrong

    def own(self, block: Block) -> None:
        needed, may = OWN[block.kind]
        for name in sorted(needed - set(block.arguments)):
            self.say(block, f"{name} is missing")
        for name in sorted(set(block.arguments) - needed - may):
            self.say(block, f"there is no argument {name}")
        for inner in block.blocks:
            if block.kind == "variable" and inner.kind == "validation":
                self.own(inner)
            else:
                self.say(block, f"there is no block {inner.kind}")

    def thing(self, block: Block) -> None:
        provider = block.labels[0].split("_")[0]
        schema = self.schemas.get(provider)
        type_ = schema and schema.types.get(f"{block.kind} {block.labels[0]}")
        if not type_:
            return self.say(block, f"there is no {block.kind} of the type {block.labels[0]}")
        self.body(block, schema, type_["block"], META, META_BLOCKS)

    def body(self, block: Block, schema: Schema, name: str, meta: set, meta_blocks: dict = {}) -> None:
        known = schema.blocks[name]
        for argument in block.arguments:
            if argument in meta:
                continue
            if argument not in known:
                self.say(block, f"there is no argument {argument}{_close(argument, known)}")
            elif "block" in known[argument]:
                self.say(block, f"{argument} is a block, not an argument")
        counts: dict[str, int] = {}
        for inner in block.blocks:
            if inner.kind in meta_blocks:
                for unknown in sorted(set(inner.arguments) - meta_blocks[inner.kind]):
                    self.say(inner, f"there is no argument {unknown}")
                continue
            kind, body = inner.kind, inner
            if inner.kind == "dynamic":
                kind, body = inner.labels[0], inner.all("content")[0]
            counts[kind] = counts.get(kind, 0) + 1
            if "block" not in known.get(kind, {}):
                what = f"{kind} is an argument, not a block" if kind in known else f"there is no block {kind}"
                self.say(block, what + ("" if kind in known else _close(kind, known)))
                continue
            if known[kind]["block"]:
                self.body(body, schema, known[kind]["block"], set())
        for kind, count in counts.items():
            if count > 1 and not known.get(kind, {}).get("many", True):
                self.say(block, f"there are {count} blocks {kind}; there may be one")
        for argument, of in known.items():
            if of["required"] and argument not in block.arguments and argument not in counts:
                self.say(block, f"{argument} is missing")

    def versions(self, block: Block) -> None:
        """The schema is that of a version that the module takes."""
        for needed in block.all("required_providers"):
            for name, tree in needed.arguments.items():
                scope = hcl.Scope(None, needed.place)
                constraint = hcl.value(tree, scope)["version"]
                got = re.fullmatch(r"~> (\d+)\.(\d+)", constraint)
                of = name in self.schemas and self.schemas[name].version.split(".")
                if not of:
                    self.say(block, f"the provider {name} has no schema here")
                elif not got or got[1] != of[0] or int(got[2]) > int(of[1]):
                    version = self.schemas[name].version
                    self.say(block, f"{name} {constraint} does not take {version}, which is checked here")

    def references(self, block: Block, tree) -> None:
        for words in _traversals(tree):
            of, kind = self.resources, "resource"
            if words[0] == "data" and len(words) > 3:
                words, of, kind = words[1:], self.data, "data"
            if "_" not in words[0] or words[0].split("_")[0] not in self.schemas or len(words) < 2:
                continue
            if (words[0], words[1]) not in of:
                self.say(block, f"there is no {kind} {words[0]}.{words[1]}")
                continue
            schema = self.schemas[words[0].split("_")[0]]
            known = schema.types.get(f"{kind} {words[0]}", {"attributes": words})["attributes"]
            # The bindings put capitals behind numbers, so that `base64sha256` comes back otherwise.
            squeezed = {name.replace("_", "") for name in known}
            if len(words) > 2 and words[2].replace("_", "") not in squeezed:
                self.say(block, f"{words[0]} has no attribute {words[2]}{_close(words[2], known)}")


def _trees(block: Block):
    yield from block.arguments.values()
    for inner in block.blocks:
        yield from _trees(inner)


def _traversals(tree):
    """`a.b.c` as its words."""
    if not isinstance(tree, hcl.Tree):
        return
    words = _words(tree)
    if words:
        yield words
        return
    for child in tree.children:
        yield from _traversals(child)


def _words(tree) -> list[str] | None:
    match tree.data:
        case "identifier":
            return [str(tree.children[0])]
        case "expr_term":
            inner = [c for c in tree.children if isinstance(c, hcl.Tree)]
            return _words(inner[0]) if len(inner) == 1 else None
        case "get_attr_expr_term":
            before = _words(tree.children[0])
            name = next(c for c in tree.children[1].children if isinstance(c, hcl.Tree))
            return before and [*before, str(name.children[0])]
    return None


def _close(name: str, known) -> str:
    found = difflib.get_close_matches(name, list(known), 1)
    return f"; is it {found[0]}?" if found else ""


def main() -> int:
    try:
        wrong = check()
    except (SchemaError, HclError) as error:
        print(f"Cannot be checked: {error}", file=sys.stderr)
        return 1
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        versions = [
            f"{name} {provider_schema.load(name).version}" for name in provider_schema.PACKAGES
        ]
        print(f"infra: fits the schema of {', '.join(versions)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
