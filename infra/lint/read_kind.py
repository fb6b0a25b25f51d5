"""Settings of a resource under the names that both descriptions share: the table of `kinds.py`,
applied."""

import re

import facts
from kinds import Kind


def settings(kind: Kind, given: dict, is_terraform: bool) -> dict[str, str]:
    """The settings that are to be compared, flat."""
    out = {}
    left_out = kind.not_in_sam if is_terraform else kind.not_in_terraform
    name = kind.name[is_terraform] if kind.name else None
    for path, of in facts.flat(_with_documents(kind, given)).items():
        if path == name or _is_within(path, left_out):
            continue
        shared = path if is_terraform else _shared(kind, path)
        if kind.defaults.get(shared) != of:
            out[shared] = of
    return out


def _is_within(path: str, all_of: set[str]) -> bool:
    return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in all_of)


def _shared(kind: Kind, path: str) -> str:
    ids = re.findall(r"\[[^]]*\]", path)
    plain = re.sub(r"\[[^]]*\]", "[]", path)
    if plain in kind.settings:
        shared = kind.settings[plain]
        for id_ in ids:
            shared = shared.replace("[]", id_, 1)
        return shared
    for prefix, shared in kind.settings.items():
        if prefix.endswith(".") and path.startswith(prefix):
            return shared + path.removeprefix(prefix)
    return path


def _with_documents(kind: Kind, given: dict, prefix: str = "") -> dict:
    """Texts that hold JSON are read, so that spaces and order make no difference."""
    out = {}
    for key, of in given.items():
        path = f"{prefix}{key}"
        if path in kind.documents and isinstance(of, str):
            of = facts.parsed(of, path)
        elif isinstance(of, dict):
            of = _with_documents(kind, of, f"{path}.")
        elif isinstance(of, list) and len(of) == 1 and isinstance(of[0], dict):
            of = [_with_documents(kind, of[0], f"{path}.")]
        out[key] = of
    return out
