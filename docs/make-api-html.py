#!/usr/bin/env python3
"""Makes docs/api.html of docs/openapi.json: one page without scripts and without anything from
elsewhere. With --check it says whether the page is up to date."""

import hashlib
import html
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
code { font: 0.9em ui-monospace, monospace; background: #f3f3f3; padding: 0 0.2em }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0 1.5rem }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.6rem; border-bottom: 1px solid #ddd }
h2 { margin-top: 3rem } h2 code { background: none }
@media (prefers-color-scheme: dark) {
  body { background: #1b1b1b; color: #ddd } code { background: #333 } th, td { border-color: #444 } a { color: #9cf }
}
"""


def text(words: str | None) -> str:
    """Escaped, with `code` between backquotes."""
    parts = html.escape(words or "").split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def kind(schema: dict) -> str:
    """The type of a schema, with links to those that have a name."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f'<a href="#{name}">{name}</a>'
    if "oneOf" in schema or "anyOf" in schema:
        return " or ".join(kind(one) for one in schema.get("oneOf", schema.get("anyOf")))
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    types = schema.get("type", "anything")
    types = " or ".join(types) if isinstance(types, list) else types
    more = [schema["format"]] if "format" in schema else []
    bounds = {
        "minimum": "from", "maximum": "to", "minLength": "at least", "maxLength": "at most", "maxItems": "at most",
    }
    more += [f"{word} {schema[name]}" for name, word in bounds.items() if name in schema]
    if "enum" in schema:
        more.append(", ".join(str(value) for value in schema["enum"]))
    return html.escape(f"{types} ({', '.join(more)})" if more else types)


def table(head: list[str], rows: list[list[str]]) -> str:
    cells = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>\n{body}</tbody></table>\n"


def content(part: dict) -> str:
    return ", ".join(kind(media.get("schema", {})) for media in part.get("content", {}).values())


def operation(path: str, method: str, it: dict) -> str:
    out = f'<h2 id="{it["operationId"]}"><code>{method.upper()} {html.escape(path)}</code></h2>\n'
    out += f"<p><b>{text(it['summary'])}.</b> {text(it.get('description'))}</p>\n"
    if parameters := it.get("parameters"):
        rows = [
            [f"<code>{p['name']}</code>", p["in"], kind(p["schema"]), text(p.get("description"))] for p in parameters
        ]
        out += "<h3>Parameters</h3>\n" + table(["name", "in", "form", "is"], rows)
    if body := it.get("requestBody"):
        out += f"<p>Body: {content(body)}</p>\n"
    rows = [
        [status, content(response), text(response.get("description"))]
        for status, response in sorted(it["responses"].items())
    ]
    return out + "<h3>Answers</h3>\n" + table(["status", "body", "means"], rows)


def model(name: str, schema: dict) -> str:
    out = f'<h3 id="{name}">{name}</h3>\n<p>{text(schema.get("description"))}</p>\n'
    if "properties" not in schema:
        return out + f"<p>{kind(schema)}</p>\n"
    required = schema.get("required", [])
    rows = [
        [
            f"<code>{member}</code>" + ("" if member in required else " <small>optional</small>"),
            kind(of),
            text(of.get("description")),
        ]
        for member, of in schema["properties"].items()
    ]
    return out + table(["member", "form", "is"], rows)


def page(document: bytes) -> str:
    api = json.loads(document)
    info = api["info"]
    out = '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
    out += '<meta name="viewport" content="width=device-width">\n'
    out += f'<meta name="openapi-sha256" content="{hashlib.sha256(document).hexdigest()}">\n'
    out += f"<title>{info['title']}: the HTTP API</title>\n<style>{STYLE}</style>\n<h1>{info['title']}: the HTTP API</h1>\n"
    out += "".join(f"<p>{text(part)}</p>\n" for part in info["description"].split("\n\n"))
    out += "<p>Made of openapi.json by make-api-html.py.</p>\n"
    for path, methods in api["paths"].items():
        for method, it in methods.items():
            out += operation(path, method, it)
    out += "<h2>Forms</h2>\n"
    for name, schema in api["components"]["schemas"].items():
        out += model(name, schema)
    return out + "</html>\n"


def main() -> int:
    made = page((HERE / "openapi.json").read_bytes())
    place = HERE / "api.html"
    if "--check" in sys.argv:
        if place.read_text() == made:
            return 0
        print("docs/api.html is not that of docs/openapi.json: run docs/make-api-html.py", file=sys.stderr)
        return 1
    place.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
