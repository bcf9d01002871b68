"""Parse header fields with lists, items and parameters (RFC 8288, RFC 9651). No input raises an error."""

from collections.abc import Iterable


def joined_field(headers: Iterable[tuple[str, str]], name: str) -> str:
    """The values of all fields called `name` (in lower case), joined by commas; empty if there are none."""
    return ", ".join(value for key, value in headers if key == name)


def split_unquoted(text: str, separator: str) -> list[str]:
    """Split `text` at separators outside quotes and `<…>`. Parts are trimmed, empty ones are dropped."""
    parts: list[str] = []
    start = 0
    closing = ""
    is_escaped = False
    for position, character in enumerate(text):
        if is_escaped:
            is_escaped = False
        elif closing:
            is_escaped = closing == '"' and character == "\\"
            closing = "" if character == closing else closing
        elif character in '"<':
            closing = '"' if character == '"' else ">"
        elif character == separator:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def strip_quotes(text: str) -> str:
    """The text without surrounding spaces and double quotes."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def parse_parameters(parts: Iterable[str]) -> dict[str, str]:
    """The `name=value` parts, with names in lower case. The first of several equal names wins (as in RFC 8288)."""
    values: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if equals and not name.startswith('"'):
            values.setdefault(name.strip().lower(), strip_quotes(value))
    return values
