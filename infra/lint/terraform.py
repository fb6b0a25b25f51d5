"""Terraform modules on paper: every resource that they come to, for given variables, without a
provider and without AWS.

What only AWS knows (the ARN of a queue) becomes a token such as `<Pairs.arn>`, or, where the name
decides it, the ARN itself; `facts.py` has both, the same for SAM. A resource is called as its module
or itself is labelled, in SAM's spelling: `module "pairs_dead"` is `PairsDead`.
"""

from dataclasses import dataclass
from pathlib import Path

import facts
import hcl
from hcl import Block, HclError, Scope

DATA = {
    ("aws_caller_identity", "account_id"): facts.ACCOUNT,
    ("aws_partition", "partition"): facts.PARTITION,
    ("aws_region", "region"): facts.REGION,
    ("archive_file", "output_path"): "<artifact>",
    ("archive_file", "output_base64sha256"): "<artifact's hash>",
}

# Which token an attribute is, where it is not simply an argument.
TOKENS = {
    ("aws_acm_certificate", "arn"): "arn",
    ("aws_apigatewayv2_api", "id"): "id",
    ("aws_apigatewayv2_domain_name", "id"): "name",
    ("aws_apigatewayv2_integration", "id"): "integration",
    ("aws_cloudwatch_metric_alarm", "arn"): "arn",
    ("aws_iam_policy", "arn"): "arn",
    ("aws_iam_role", "arn"): "arn",
    ("aws_iam_role", "name"): "name",
    ("aws_kms_key", "arn"): "arn",
    ("aws_kms_key", "key_id"): "id",
    ("aws_s3_bucket", "arn"): "arn",
    ("aws_s3_bucket", "id"): "name",
    ("aws_sqs_queue", "arn"): "arn",
    ("aws_sqs_queue", "name"): "name",
    ("aws_sqs_queue", "url"): "url",
}

# What AWS tells in an object of a list: the attributes, and which token each is.
OBJECTS = {
    ("aws_acm_certificate", "domain_validation_options"): {
        "resource_record_name": "record_name",
        "resource_record_type": "record_type",
        "resource_record_value": "record_value",
    },
    ("aws_apigatewayv2_domain_name", "domain_name_configuration"): {
        "target_domain_name": "target",
        "hosted_zone_id": "zone",
    },
}

META = {"count", "for_each", "depends_on", "provider"}


def camel(label: str) -> str:
    return "".join(word.capitalize() for word in label.split("_"))


@dataclass
class Instance:
    """One resource."""

    module: "Module"
    block: Block
    key: str | int | None
    scope: Scope

    @property
    def type(self) -> str:
        return self.block.labels[0]

    @property
    def id(self) -> str:
        label = self.block.labels[1]
        if label != "this":
            return camel(label)
        return self.key if isinstance(self.key, str) else camel(self.module.label)

    @property
    def address(self) -> str:
        return f"{self.module.address}{self.type}.{self.block.labels[1]}" + (
            f"[{self.key!r}]" if self.key is not None else ""
        )

    def settings(self) -> dict:
        """Its arguments and blocks; a block is a list of such."""
        return self._settings(self.block)

    def _settings(self, block: Block) -> dict:
        out = {n: hcl.value(t, self.scope) for n, t in block.arguments.items() if n not in META}
        for inner in block.blocks:
            if inner.kind == "dynamic":
                raise HclError(f"{inner.place}: dynamic blocks are not understood here")
            out.setdefault(inner.kind, []).append(self._settings(inner))
        return out

    def attribute(self, name: str):
        """What another resource reads of this one."""
        if (self.type, name) in TOKENS:
            token = TOKENS[self.type, name]
            own = self.address if self.type in ("aws_iam_role", "aws_apigatewayv2_integration") else self.id
            return f"<{own}.{token}>"
        if (self.type, name) in OBJECTS:
            return [{key: f"<{self.id}.{token}>" for key, token in OBJECTS[self.type, name].items()}]
        if name in self.block.arguments:
            return hcl.value(self.block.arguments[name], self.scope)
        if self.type == "aws_apigatewayv2_api" and name == "execution_arn":
            return facts.arn("execute-api", f"<{self.id}.id>")
        if self.type == "aws_apigatewayv2_api" and name == "api_endpoint":
            return f"https://<{self.id}.id>.execute-api.{facts.REGION}.{facts.SUFFIX}"
        if name == "arn" and self.type in NAMED:
            argument, make = NAMED[self.type]
            return make(self.attribute(argument))
        raise HclError(f"{self.block.place}: what is the attribute {name} of {self.type}?")


# ARNs that follow from names.
NAMED = {
    "aws_cloudwatch_log_group": ("name", facts.log_group_arn),
    "aws_lambda_function": ("function_name", facts.function_arn),
    "aws_sfn_state_machine": ("name", facts.machine_arn),
    "aws_sns_topic": ("name", facts.topic_arn),
}


class Module:
    """A module, with what its variables are set to."""

    def __init__(
        self, folder: Path, given: dict, label: str = "", parent: "Module | None" = None, number: str = ""
    ):
        self.folder, self.label, self.parent = folder.resolve(), label, parent
        self.root = parent.root if parent else self.folder
        self.address = (parent.address if parent else "") + (f"module.{label}{number}." if label else "")
        self.blocks: dict[str, dict] = {}
        self._known: dict = {}
        for block in hcl.read_folder(folder):
            if block.kind == "locals":
                self.blocks.setdefault("locals", {}).update(block.arguments)
                continue
            kind = self.blocks.setdefault(block.kind, {})
            label_of = tuple(block.labels)
            if label_of in kind:
                raise HclError(f"{block.place} is there twice")
            kind[label_of] = block
        declared = {name for (name,) in self.blocks.get("variable", {})}
        if unknown := set(given) - declared:
            raise HclError(f"{self.place} has no variable {sorted(unknown)}")
        self.given = given

    @property
    def place(self) -> str:
        return self.address.rstrip(".") or str(self.folder)

    def scope(self, place: str, names: dict | None = None) -> Scope:
        return Scope(self._look_up, place, names)

    def _once(self, key, make):
        """Remembers, and notices what goes round in circles."""
        if key not in self._known:
            self._known[key] = _UNDER_WAY
            self._known[key] = make()
        if self._known[key] is _UNDER_WAY:
            raise HclError(f"{self.place}: {key} needs itself")
        return self._known[key]

    def _look_up(self, word: str):
        match word:
            case "var":
                return _Names(self.variable)
            case "local":
                return _Names(self.local)
            case "module":
                return _Names(self._outputs_of)
            case "data":
                return _Names(lambda type_: _Names(lambda name: self._data(type_, name)))
            case "path":
                return {"module": str(self.folder), "root": str(self.root)}
        if any(type_ == word for type_, _ in self.blocks.get("resource", {})):
            return _Names(lambda name: self._resource(word, name))
        raise HclError(f"{self.place}: what is {word}?")

    def _block(self, kind: str, *labels: str) -> Block:
        try:
            return self.blocks[kind][labels]
        except KeyError:
            raise HclError(f"{self.place} has no {kind} {' '.join(labels)}") from None

    def variable(self, name: str):
        return self._once(("var", name), lambda: self._variable(name))

    def _variable(self, name: str):
        block = self._block("variable", name)
        scope = self.scope(block.place)
        if name in self.given:
            of = self.given[name]
        elif "default" in block.arguments:
            of = hcl.value(block.arguments["default"], scope)
        else:
            raise HclError(f"{self.place}: the variable {name} is not set")
        return converted(block.arguments["type"], of, scope)

    def accepts(self, name: str, of) -> bool:
        """Whether the variable's validations let the value through."""
        block = self._block("variable", name)
        scope = self.scope(block.place, {"var": {name: of}})
        rules = [rule.arguments["condition"] for rule in block.all("validation")]
        return all(hcl.truth(hcl.value(rule, scope), scope) for rule in rules)

    def local(self, name: str):
        arguments = self.blocks.get("locals", {})
        if name not in arguments:
            raise HclError(f"{self.place} has no local {name}")
        scope = self.scope(f"{self.place}, local {name}")
        return self._once(("local", name), lambda: hcl.value(arguments[name], scope))

    def output(self, name: str):
        block = self._block("output", name)
        scope = self.scope(block.place)
        return self._once(("output", name), lambda: hcl.value(block.arguments["value"], scope))

    def outputs(self) -> dict:
        return {name: self.output(name) for (name,) in self.blocks.get("output", {})}

    def child(self, name: str) -> "Module":
        """A module that is there once, without a count."""
        (only,) = self.children(name)
        return only

    def children(self, name: str) -> list["Module"]:
        return self._once(("module", name), lambda: self._children(name))

    def _outputs_of(self, name: str):
        outputs = [_Names(child.output) for child in self.children(name)]
        return outputs if "count" in self._block("module", name).arguments else outputs[0]

    def _children(self, name: str) -> list["Module"]:
        block = self._block("module", name)
        if "count" not in block.arguments:
            return [self._child(name, "")]
        count = hcl.value(block.arguments["count"], self.scope(block.place))
        return [self._child(name, f"[{i}]") for i in range(count)]

    def _child(self, name: str, number: str) -> "Module":
        block = self._block("module", name)
        scope = self.scope(block.place)
        if block.blocks or "for_each" in block.arguments:
            raise HclError(f"{block.place}: repeated modules are not understood here")
        source = hcl.value(block.arguments["source"], scope)
        # Evaluated when they are asked for: modules lead to one another.
        given = _Lazy(
            {
                key: (lambda tree=tree: hcl.value(tree, scope))
                for key, tree in block.arguments.items()
                if key not in {"source", "version", "providers", *META}
            }
        )
        return Module(self.folder / source, given, name, self, number)

    def _data(self, type_: str, name: str):
        self._block("data", type_, name)

        def find(attribute: str):
            if (type_, attribute) not in DATA:
                raise HclError(f"{self.place}: what is {attribute} of data {type_}?")
            return DATA[type_, attribute]

        return _Names(find)

    def _resource(self, type_: str, name: str):
        block = self._block("resource", type_, name)
        return self._once((type_, name), lambda: self._instances(block))

    def _instances(self, block: Block):
        scope = self.scope(block.place)
        if "for_each" in block.arguments:
            over = hcl.value(block.arguments["for_each"], scope)
            items = over.items() if isinstance(over, dict) else ((one, one) for one in over)
            return {
                key: Instance(self, block, key, scope.within({"each": {"key": key, "value": of}}))
                for key, of in items
            }
        if "count" in block.arguments:
            count = hcl.value(block.arguments["count"], scope)
            return [
                Instance(self, block, i, scope.within({"count": {"index": i}})) for i in range(count)
            ]
        return Instance(self, block, None, scope)

    def resources(self) -> list[Instance]:
        """All resources, those of the modules within too."""
        found = []
        for type_, name in self.blocks.get("resource", {}):
            of = self._resource(type_, name)
            instances = of.values() if isinstance(of, dict) else of if isinstance(of, list) else [of]
            found.extend(instances)
        for (name,) in self.blocks.get("module", {}):
            for child in self.children(name):
                found.extend(child.resources())
        for (name,) in self.blocks.get("variable", {}):
            if not self.accepts(name, self.variable(name)):
                raise HclError(f"{self.place}: the variable {name} may not be {self.variable(name)!r}")
        return found


_UNDER_WAY = object()


class _Names:
    """Something whose attributes are looked up."""

    def __init__(self, find):
        self.attribute = find


class _Lazy(dict):
    """Values that are computed when they are read."""

    def __getitem__(self, key):
        return super().__getitem__(key)()


def converted(type_, of, scope: Scope):
    """A value as the type that its variable declares."""
    while type_.data == "expr_term":
        (type_,) = [p for p in hcl.children(type_) if not isinstance(p, hcl.Token)]
    if of is None:
        return None
    if type_.data == "identifier":
        return _scalar(hcl.word(type_), of, scope)
    name, inner = _call(type_)
    match name:
        case "list" | "set":
            if not isinstance(of, list):
                raise scope.error(f"{of!r} is no {name}")
            return [converted(inner, one, scope) for one in of]
        case "map":
            return {key: converted(inner, one, scope) for key, one in of.items()}
        case "object":
            return _object(inner, of, scope)
    raise scope.error(f"the type {name} is not understood here")


def _call(tree):
    """`list(string)` as its name and its argument."""
    if tree.data != "function_call":
        raise HclError(f"{tree.data} is no type")
    parts = hcl.children(tree)
    given = next(p for p in parts if isinstance(p, hcl.Tree) and p.data == "arguments")
    arguments = [p for p in hcl.children(given) if not isinstance(p, hcl.Token)]
    return hcl.word(parts[0]), arguments[0]


def _scalar(name: str, of, scope: Scope):
    if name == "string" and isinstance(of, str | int | float):
        return hcl.text(of, scope)
    if name == "number" and not isinstance(of, bool):
        try:
            return int(of)
        except (TypeError, ValueError):
            pass
    if name == "bool":
        return hcl.truth(of, scope)
    raise scope.error(f"{of!r} is no {name}")


def _object(tree, of, scope: Scope) -> dict:
    while tree.data == "expr_term":
        (tree,) = [p for p in hcl.children(tree) if not isinstance(p, hcl.Token)]
    out, declared = {}, set()
    for element in (p for p in hcl.children(tree) if not isinstance(p, hcl.Token)):
        key, type_ = (p for p in hcl.children(element) if not isinstance(p, hcl.Token))
        name = str(next(key.scan_values(lambda t: t.type == "NAME")))
        declared.add(name)
        default, optional = None, False
        plain = type_
        while plain.data == "expr_term":
            (plain,) = [p for p in hcl.children(plain) if not isinstance(p, hcl.Token)]
        if plain.data == "function_call" and hcl.word(hcl.children(plain)[0]) == "optional":
            given = next(p for p in hcl.children(plain) if isinstance(p, hcl.Tree) and p.data == "arguments")
            arguments = [p for p in hcl.children(given) if not isinstance(p, hcl.Token)]
            optional, type_ = True, arguments[0]
            default = hcl.value(arguments[1], scope) if len(arguments) > 1 else None
        if name not in of and not optional:
            raise scope.error(f"{name} is missing in {sorted(of)}")
        out[name] = converted(type_, of.get(name, default) if name in of else default, scope)
    # Terraform drops these in silence.
    if unknown := set(of) - declared:
        raise scope.error(f"there is no {sorted(unknown)}")
    return out
