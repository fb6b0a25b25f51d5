"""Terraform's language, as far as the modules here use it: files as blocks, expressions as values.

Reads with python-hcl2's grammar and computes what an expression comes to. Whatever it does not know
is an error that names the file, never a guess: a comparison of half-read modules would prove nothing.
Knows the language only; what a module or a resource is, `terraform.py` knows.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import hcl2
from lark import Token, Tree


class HclError(Exception):
    """A file that cannot be read, or an expression that comes to nothing."""


@dataclass
class Block:
    """`kind "label" … { arguments and blocks }`"""

    kind: str
    labels: list[str]
    arguments: dict[str, Tree] = field(default_factory=dict)
    blocks: list["Block"] = field(default_factory=list)
    place: str = ""

    def all(self, kind: str) -> list["Block"]:
        return [block for block in self.blocks if block.kind == kind]


def read(path: Path) -> list[Block]:
    """The blocks of a file."""
    try:
        tree = _parsed(path.read_text())
    except Exception as error:  # of lark, of many kinds
        raise HclError(f"{path}: {error}") from error
    return _body(children(tree)[0], str(path)).blocks


@cache
def _parsed(text: str) -> Tree:
    # Parsing is what takes time here, and modules are read for each set of parameters.
    return hcl2.parses_to_tree(text)


def read_folder(folder: Path) -> list[Block]:
    """The blocks of all files of a module."""
    files = sorted(folder.glob("*.tf"))
    if not files:
        raise HclError(f"{folder} has no .tf files")
    return [block for file in files for block in read(file)]


def children(tree: Tree) -> list:
    """What counts of a tree: all but comments and line ends."""
    return [c for c in tree.children if not (isinstance(c, Tree) and c.data == "new_line_or_comment")]


def _body(tree: Tree, place: str) -> Block:
    result = Block("", [], place=place)
    for child in children(tree):
        parts = [c for c in children(child) if not _is_sign(c)]
        name = word(parts[0])
        if child.data == "attribute":
            if name in result.arguments:
                raise HclError(f"{place}: {name} is set twice")
            result.arguments[name] = parts[1]
        else:
            inner = _body(parts[-1], f"{place}, {name}")
            inner.kind, inner.labels = name, [word(label) for label in parts[1:-1]]
            inner.place = " ".join([f"{place}, {name}", *inner.labels])
            result.blocks.append(inner)
    return result


def _is_sign(child) -> bool:
    return isinstance(child, Token)


def word(tree: Tree) -> str:
    """The text of a name or a label."""
    if tree.data == "string":
        return "".join(str(t) for part in tree.find_data("string_part") for t in part.children)
    return str(tree.children[0])


# --- Expressions -------------------------------------------------------------------------------------


class Scope:
    """What names mean; `terraform.Module` is one. `names` are those of an enclosing `for`."""

    def __init__(self, look_up, place: str, names: dict | None = None):
        self.look_up, self.place, self.names = look_up, place, names or {}

    def within(self, names: dict) -> "Scope":
        return Scope(self.look_up, self.place, {**self.names, **names})

    def name(self, of: str):
        return self.names[of] if of in self.names else self.look_up(of)

    def error(self, text: str) -> HclError:
        return HclError(f"{self.place}: {text}")


def value(tree: Tree, scope: Scope):
    """What an expression comes to."""
    parts = children(tree)
    match tree.data:
        case "expr_term":
            inner = [p for p in parts if not _is_sign(p)]
            return value(inner[0], scope)
        case "int_lit":
            return int(parts[0])
        case "float_lit":
            return float(parts[0])
        case "literal_value":
            return {"true": True, "false": False, "null": None}[str(parts[0])]
        case "string":
            return _text(parts, scope)
        case "identifier":
            return scope.name(str(parts[0]))
        case "get_attr_expr_term":
            name = [p for p in children(parts[1]) if not _is_sign(p)][0]
            return attribute(value(parts[0], scope), word(name), scope)
        case "index_expr_term":
            inner = [p for p in children(parts[1]) if not _is_sign(p)]
            index = value(inner[0], scope) if inner else int(parts[1].children[-1])
            return _element(value(parts[0], scope), index, scope)
        case "conditional":
            condition, yes, no = (p for p in parts if not _is_sign(p))
            return value(yes if truth(value(condition, scope), scope) else no, scope)
        case "binary_op":
            return _binary(parts, scope)
        case "unary_op":
            of = value(parts[1], scope)
            return not truth(of, scope) if str(parts[0]).strip() == "!" else -of
        case "tuple":
            return [value(p, scope) for p in parts if not _is_sign(p)]
        case "object":
            return dict(_pair(p, scope) for p in parts if not _is_sign(p))
        case "for_tuple_expr" | "for_object_expr":
            return _for(tree.data == "for_object_expr", parts, scope)
        case "function_call":
            return _call(parts, scope)
    raise scope.error(f"{tree.data} is not understood here")


def truth(of, scope: Scope) -> bool:
    if of in (True, "true"):
        return True
    if of in (False, "false"):
        return False
    raise scope.error(f"{of!r} is neither true nor false")


def attribute(of, name: str, scope: Scope):
    """`of.name`: of an object, or of something that knows its attributes itself."""
    if isinstance(of, dict):
        if name not in of:
            raise scope.error(f"there is no {name} among {sorted(of)}")
        return of[name]
    if hasattr(of, "attribute"):
        return of.attribute(name)
    raise scope.error(f"{of!r} has no attribute {name}")


def _element(of, index, scope: Scope):
    try:
        return of[index]
    except (KeyError, IndexError, TypeError) as error:
        raise scope.error(f"there is no element {index!r}") from error


def text(of, scope: Scope) -> str:
    """As in a template."""
    if isinstance(of, bool):
        return str(of).lower()
    if isinstance(of, int | float | str):
        return str(of)
    raise scope.error(f"{of!r} is no text")


ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


def _text(parts: list, scope: Scope) -> str:
    out = []
    for part in (p for p in parts if not _is_sign(p)):
        child = part.children[0]
        if isinstance(child, Tree) and child.data == "interpolation":
            inner = [c for c in children(child) if not _is_sign(c)]
            out.append(text(value(inner[0], scope), scope))
        elif isinstance(child, Token):
            known = {"ESCAPED_INTERPOLATION", "ESCAPED_DIRECTIVE"}
            raw = str(child)
            plain = raw[1:] if child.type in known else re.sub(
                r"\\(.)", lambda m: ESCAPES[m.group(1)], raw
            )
            out.append(plain)
        else:
            raise scope.error(f"{child.data} is not understood here")
    return "".join(out)


def _pair(element: Tree, scope: Scope):
    key, of = (p for p in children(element) if not _is_sign(p))
    inner = children(key)[0]
    name = inner
    while isinstance(name, Tree) and name.data == "expr_term" and len(children(name)) == 1:
        name = children(name)[0]
    # A bare word is a name here, not a reference.
    bare = isinstance(name, Tree) and name.data in ("identifier", "keyword")
    return (word(name) if bare else text(value(inner, scope), scope)), value(of, scope)


def _binary(parts: list, scope: Scope):
    term = children(parts[1])
    sign = str(term[0].children[0]).strip()
    left = value(parts[0], scope)
    if sign in ("&&", "||"):
        if truth(left, scope) == (sign == "||"):
            return sign == "||"
        return truth(value(term[1], scope), scope)
    right = value(term[1], scope)
    match sign:
        case "==":
            return left == right
        case "!=":
            return left != right
        case "<" | ">" | "<=" | ">=" | "+" | "-" | "*":
            if not all(isinstance(of, int | float) for of in (left, right)):
                raise scope.error(f"{left!r} {sign} {right!r} are no numbers")
            return {
                "<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right,
                "+": left + right, "-": left - right, "*": left * right,
            }[sign]  # fmt: skip
    raise scope.error(f"the operator {sign} is not understood here")


def _for(is_object: bool, parts: list, scope: Scope):
    intro = next(p for p in parts if isinstance(p, Tree) and p.data == "for_intro")
    inner = [p for p in children(intro) if not _is_sign(p)]
    names, of = [word(p) for p in inner[:-1]], value(inner[-1], scope)
    bodies = [p for p in parts if isinstance(p, Tree) and p.data not in ("for_intro", "for_cond")]
    conditions = [p for p in parts if isinstance(p, Tree) and p.data == "for_cond"]
    items = sorted(of.items()) if isinstance(of, dict) else list(enumerate(of))
    pairs = []
    for key, one in items:
        here = scope.within(dict(zip(names, [key, one] if len(names) == 2 else [one])))
        if conditions:
            asked = [p for p in children(conditions[0]) if not _is_sign(p)][0]
            if not truth(value(asked, here), here):
                continue
        pairs.append([value(body, here) for body in bodies])
    return {text(k, scope): v for k, v in pairs} if is_object else [only for (only,) in pairs]


# --- Functions ---------------------------------------------------------------------------------------


def _call(parts: list, scope: Scope):
    name = word(parts[0])
    given = next((p for p in parts if isinstance(p, Tree) and p.data == "arguments"), None)
    trees = [p for p in children(given) if not _is_sign(p)] if given else []
    if name == "can":
        try:
            value(trees[0], scope)
        except HclError:
            return False
        return True
    arguments = [value(tree, scope) for tree in trees]
    if name not in FUNCTIONS:
        raise scope.error(f"the function {name} is not understood here")
    try:
        return FUNCTIONS[name](*arguments)
    except (HclError, TypeError, OSError, KeyError) as error:
        raise scope.error(f"{name}: {error}") from error


def _regex(pattern: str, of: str) -> str:
    found = re.search(pattern, of)
    if not found:
        raise HclError(f"{of!r} does not match")
    return found.group()


def _replace(of: str, what: str, by: str) -> str:
    if len(what) > 1 and what.startswith("/") and what.endswith("/"):
        return re.sub(what[1:-1], by, of)
    return of.replace(what, by)


def _template(path: str, fillings: dict) -> str:
    """As Terraform fills a template: `${name}` only; a directive `%{` would be another matter."""
    source = Path(path).read_text()
    if re.search(r"%\{", source):
        raise HclError(f"{path} has a directive, %{{")
    used = set()

    def fill(match: re.Match) -> str:
        if match.group().startswith("$$"):
            return match.group()[1:]
        used.add(match.group(1))
        of = fillings[match.group(1)]
        return str(of)

    filled = re.sub(r"\$?\$\{([^}]*)\}", fill, source)
    if unused := set(fillings) - used:
        raise HclError(f"{path} has no hole for {sorted(unused)}")
    return filled


def _one(of: list):
    if len(of) > 1:
        raise HclError(f"{len(of)} are not one")
    return of[0] if of else None


def _merge(*objects) -> dict:
    return {key: of for one in objects for key, of in (one or {}).items()}


FUNCTIONS = {
    "concat": lambda *lists: [of for one in lists for of in one],
    "contains": lambda of, one: one in of,
    "join": lambda between, parts: between.join(str(of) for of in parts),
    "jsonencode": lambda of: json.dumps(of, sort_keys=True),
    "keys": sorted,
    "length": len,
    "merge": _merge,
    "one": _one,
    "regex": _regex,
    "replace": _replace,
    "split": lambda between, of: of.split(between),
    "templatefile": _template,
    "toset": list,
    "values": lambda of: [of[key] for key in sorted(of)],
}
