"""Header fields as lists, items and parameters (RFC 8288, RFC 9651), read so that no bytes make it fail."""

from collections.abc import Iterable


def field(headers: Iterable[tuple[str, str]], name: str) -> str:
    """The values of all fields called `name` (in lower case), joined as HTTP allows; empty without one."""
    return ", ".join(value for key, value in headers if key == name)


def pieces(text: str, separator: str) -> list[str]:
    """The parts of `text` between separators that are not in quotes or `<…>`; trimmed, without empty ones."""
    found: list[str] = []
    start = 0
    closing = ""
    is_escaped = False
    for at, sign in enumerate(text):
        if is_escaped:
            is_escaped = False
        elif closing:
            is_escaped = closing == '"' and sign == "\\"
            closing = "" if sign == closing else closing
        elif sign in '"<':
            closing = '"' if sign == '"' else ">"
        elif sign == separator:
            found.append(text[start:at])
            start = at + 1
    found.append(text[start:])
    return [piece.strip() for piece in found if piece.strip()]


def unquoted(text: str) -> str:
    """The text without the quotes around it."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def parameters(parts: Iterable[str]) -> dict[str, str]:
    """The `name=value` parts, names in lower case. The first of a name counts (as in RFC 8288)."""
    found: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if equals and not name.startswith('"'):
            found.setdefault(name.strip().lower(), unquoted(value))
    return found
