"""What a Terraform provider knows: resource types, arguments, nested blocks, and which of them are
required. The provider itself cannot be had everywhere; npm has its schema in the bindings that were
made of it, as `.jsii`. The download is checked, cut down to what is needed, and kept in the cache.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

# HashiCorp made no later ones. The provider's version is in the package.
PACKAGES = {
    "aws": (
        "@cdktf/provider-aws@21.22.1",
        "BuSHeaQFUL9l33pBzIMRT7cTQ69AM2mLtijjteCPhVQRmvuhuj9Lvfymf7knAMhYqAT6+Lrls9jiGVW/Us3zrQ==",
    ),
    "archive": (
        "@cdktf/provider-archive@11.0.1",
        "2Plwhj1hVUOYmQrxNbBvy2nrw/gyHZKnQFauPCwjhQX+MpRImF7cceKgX8zZgBPvB5YEP75MIFPbr4sjxDWeHw==",
    ),
}
# Of the files in the cache.
FORM = 1


class SchemaError(Exception):
    """The schema cannot be had."""


@dataclass
class Schema:
    """`types` by "resource aws_x" and "data aws_x": the name of their arguments' block, and what can be
    read of them. `blocks` by name: for each argument whether it is `required`, and for nested blocks
    their name (nothing
    where it is not known) and whether there may be `many`."""

    version: str
    types: dict[str, dict]
    blocks: dict[str, dict[str, dict]]


def load(provider: str) -> Schema:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    package, digest = PACKAGES[provider]
    name = package.strip("@").replace("/", "-")
    kept = cache / "livelist" / "tools" / "provider-schema" / f"{name}-{FORM}.json"
    if not kept.exists():
        print(f"Fetching the schema of the provider {provider} ({package}) …", flush=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            text = json.dumps(_extract(_fetch(package, digest, Path(folder))))
            part = Path(folder) / "schema.json"
            part.write_text(text)
            part.replace(kept)
    return Schema(**json.loads(kept.read_text()))


def _fetch(package: str, digest: str, folder: Path) -> Path:
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), package]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        raise SchemaError(f"npm cannot fetch {package}: {error}") from error
    (archive,) = folder.glob("*.tgz")
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != digest:
        raise SchemaError(f"{package} is not what it was: its SHA-512 is {found}")
    return archive


def _extract(archive: Path) -> dict:
    with tarfile.open(archive) as tar:
        whole = json.load(tar.extractfile("package/.jsii"))
        package = json.load(tar.extractfile("package/package.json"))
    types, blocks = {}, {}
    for of in whole["types"].values():
        told = re.match(
            r"Represents an? \{@link \S*/docs/(resources|data-sources)/\S+ (\w+)\}",
            of.get("docs", {}).get("summary", ""),
        )
        is_provider = of["name"].endswith("Provider") and of.get("namespace") == "provider"
        if of["kind"] != "class" or not (told or is_provider):
            continue
        config = next(p["type"]["fqn"] for p in of["initializer"]["parameters"] if p["name"] == "config")
        key = "provider"
        if told:
            key = f"{'resource' if told[1] == 'resources' else 'data'} {told[2]}"
        names = {p["name"] for p in of["properties"] if not p.get("static")}
        types[key] = {"block": config, "attributes": sorted(map(_snake, names))}
        _block(config, whole["types"], blocks)
    version = package["cdktf"]["provider"]["version"]
    return {"version": version, "types": types, "blocks": blocks}


def _block(name: str, all_of: dict, blocks: dict) -> None:
    if name in blocks:
        return
    blocks[name] = {}
    for property_ in all_of[name].get("properties", []):
        docs = property_["docs"]
        link = re.search(r"#(\w+) \w+#\w+\}", f"{docs.get('summary', '')} {docs.get('remarks', '')}")
        if not link:
            continue
        argument = {"required": not property_.get("optional", False)}
        if docs.get("summary", "").startswith(f"{link[1]} block"):
            inner = re.search(r'"fqn": "(@cdktf/provider[^"]*)"', json.dumps(property_["type"]))
            # Some go so deep that the bindings gave up on them.
            argument |= {"block": inner and inner[1], "many": "collection" in json.dumps(property_["type"])}
            if inner:
                _block(inner[1], all_of, blocks)
        blocks[name][link[1]] = argument


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
