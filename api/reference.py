"""The API reference as pages: made from the OpenAPI document and the catalogue of codes, with no script and nothing from elsewhere.

Owns the HTML; what it says is owned by the contract and the routes.
"""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

import msgspec

from mobile_contract.errors import ERRORS

_METHODS: Final = ("get", "post", "put", "patch", "delete")


def reference_page(document: Mapping[str, Any]) -> str:
    """Write the reference: an index by noun, every operation, every schema."""
    groups: dict[str, list[str]] = {}
    index: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                tag = operation["tags"][0]
                groups.setdefault(tag, []).append(_operation(path, method, operation))
                index.setdefault(tag, []).append(_link(operation["operationId"], f"{method.upper()} {path}"))
    info = document["info"]
    parts = [
        f"<h1>{escape(info['title'])} API <small>contract {escape(info['version'])}</small></h1>",
        f"<p>{escape(info['summary'])} {escape(info['description'])}</p>",
        '<p><a href="/openapi.json">OpenAPI document</a> · <a href="/docs/problems">Codes of refusals</a></p>',
        "<nav>",
        *(
            f"<details><summary>{escape(tag)}</summary><ul>{''.join(index[tag])}</ul></details>"
            for tag in sorted(index)
        ),
        "</nav>",
        *(f"<h2>{escape(tag)}</h2>{''.join(groups[tag])}" for tag in sorted(groups)),
        "<h2>Schemas</h2>",
        *(_schema(name, schema) for name, schema in document["components"]["schemas"].items()),
    ]
    return _page("Onsite API", "".join(parts))


def problems_page() -> str:
    """Write the catalogue of codes in both languages."""
    rows = "".join(
        f'<tr id="{escape(code)}"><td><code>{escape(code)}</code></td><td>{entry.status}</td>'
        f'<td lang="en">{escape(entry.en)}</td><td lang="zh">{escape(entry.zh)}</td></tr>'
        for code, entry in sorted(ERRORS.items())
    )
    head = "<tr><th>Code</th><th>Status</th><th>English</th><th>中文</th></tr>"
    return _page(
        "Codes of refusals",
        f'<h1>Codes of refusals · 错误代码</h1><p><a href="/docs">API reference</a></p><table>{head}{rows}</table>',
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="/docs/style.css"></head><body><main>{body}</main></body></html>'
    )


def _link(anchor: str, text: str) -> str:
    return f'<li><a href="#{escape(anchor)}">{escape(text)}</a></li>'


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    who = " or ".join(f"{name} token" for rule in operation["security"] for name in rule) or "anybody"
    parts = [
        f'<section id="{escape(operation["operationId"])}"><h3><b class="{method}">{method.upper()}</b> {escape(path)}</h3>',
        f"<p>{escape(operation['description'])}</p><p>Called with: {escape(who)}.</p>",
    ]
    if operation.get("parameters"):
        rows = "".join(_parameter(parameter) for parameter in operation["parameters"])
        parts.append(f"<table><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>{rows}</table>")
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h4>Body <small>{escape(media_type)}</small></h4><p>{_type(content['schema'])}</p>")
        if "example" in content:
            parts.append(f"<pre>{escape(_pretty(content['example']))}</pre>")
    parts.append("<h4>Answers</h4><ul>")
    parts.extend(_answer(status, answer) for status, answer in operation["responses"].items())
    parts.append("</ul></section>")
    return "".join(parts)


def _parameter(parameter: Mapping[str, Any]) -> str:
    need = "required" if parameter.get("required") else ""
    return (
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}</td>"
        f"<td>{_type(parameter['schema'])}</td><td>{need} {escape(parameter.get('description', ''))}</td></tr>"
    )


def _answer(status: str, answer: Mapping[str, Any]) -> str:
    if "$ref" in answer:
        codes = answer["$ref"].rsplit("/", 1)[-1].split("-")
        if status == "default":
            return '<li><b>otherwise</b>: <a href="#schema-Problem">Problem</a></li>'
        links = ", ".join(f'<a href="/docs/problems#{escape(code)}"><code>{escape(code)}</code></a>' for code in codes)
        return f"<li><b>{escape(status)}</b>: {links}</li>"
    types = " ".join(_type(content["schema"]) for content in answer.get("content", {}).values())
    return f"<li><b>{escape(status)}</b>: {escape(answer['description'])} {types}</li>"


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{_type(found)}</td>"
        f"<td>{'required' if field in required else ''} {escape(str(found.get('description', '')))}</td></tr>"
        for field, found in schema.get("properties", {}).items()
    )
    table = f"<table><tr><th>Field</th><th>Type</th><th></th></tr>{rows}</table>" if rows else f"<p>{_type(schema)}</p>"
    return f'<section id="schema-{escape(name)}"><h3>{escape(name)}</h3><p>{escape(str(schema.get("description", "")))}</p>{table}</section>'


def _type(schema: Any) -> str:
    return " or ".join(dict.fromkeys(_types(schema))) or "anything"


def _types(schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        yield f'<a href="#schema-{name}">{name}</a>'
    elif "anyOf" in schema:
        for option in schema["anyOf"]:
            yield from _types(option)
    elif "enum" in schema:
        yield " ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    elif "prefixItems" in schema:
        yield f"list of {', '.join(_type(item) for item in schema['prefixItems'])}"
    elif schema.get("type") == "array":
        yield f"list of {_type(schema.get('items', {}))}"
    elif schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        yield f"map of {_type(schema['additionalProperties'])}"
    elif "type" in schema:
        bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
        yield escape(", ".join([" ".join(filter(None, (schema["type"], schema.get("format")))), *bounds]))


_BOUNDS: Final = {
    "minimum": "≥",
    "maximum": "≤",
    "minLength": "length ≥",
    "maxLength": "length ≤",
    "pattern": "like",
    "default": "default",
}


def _pretty(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
