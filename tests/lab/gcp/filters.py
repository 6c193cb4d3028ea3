"""Filters of lists: AIP-160 (``a = b AND (c:d)``) and the older ``name eq regex``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.lab.gcp.errors import ApiError

Body = dict[str, Any]
Test = Callable[[Body], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<paren>[()])
    |(?P<op><=|>=|!=|=|<|>|:)
    |"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'
    |(?P<word>[^\s()=<>!:"']+))""",
    re.VERBOSE,
)
_OLD = {"eq", "ne"}


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._tokens()
        self.at = 0

    def _tokens(self) -> list[tuple[str, str]]:
        found, at = [], 0
        text = self.text.rstrip()
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None:
                raise self.refuse()
            kind = str(token.lastgroup)
            found.append(("text" if kind in ("double", "single") else kind, token[kind]))
            at = token.end()
        return found

    def refuse(self) -> ApiError:
        words = f"Invalid value for field 'filter': '{self.text}'. Invalid list filter expression."
        return ApiError(400, "invalid", words)

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.at += 1
        return token

    def expression(self) -> Test:
        """Parse a OR b: as in AIP-160, OR binds closer than AND."""
        parts = [self.alternatives()]
        while True:
            kind, word = self.peek()
            if kind == "end" or (kind, word) == ("paren", ")"):
                break
            if (kind, word) == ("word", "AND"):
                self.take()
            parts.append(self.alternatives())
        return lambda body: all(part(body) for part in parts)

    def alternatives(self) -> Test:
        parts = [self.term()]
        while self.peek() == ("word", "OR"):
            self.take()
            parts.append(self.term())
        return lambda body: any(part(body) for part in parts)

    def term(self) -> Test:
        kind, word = self.peek()
        if (kind, word) == ("word", "NOT") or (kind == "word" and word == "-"):
            self.take()
            inner = self.term()
            return lambda body: not inner(body)
        if (kind, word) == ("paren", "("):
            self.take()
            inner = self.expression()
            if self.take() != ("paren", ")"):
                raise self.refuse()
            return inner
        return self.comparison()

    def comparison(self) -> Test:
        kind, name = self.take()
        if kind not in ("word", "text"):
            raise self.refuse()
        how, operator = self.take()
        if how == "word" and operator in _OLD:
            return _regex(name, operator, self._rest())
        if how != "op":
            raise self.refuse()
        kind, value = self.take()
        if kind not in ("word", "text"):
            raise self.refuse()
        while kind == "word" and self.peek() == ("op", ":"):
            # A value with colons that is not quoted, e.g. a time or an account.
            self.take()
            value += ":" + self.take()[1]
        return lambda body: _compare(values(body, name), operator, value)

    def _rest(self) -> str:
        found = []
        while self.peek()[0] not in ("end",) and self.peek() != ("paren", ")"):
            found.append(self.take()[1])
        return "".join(found)


def _regex(name: str, operator: str, expected: str) -> Test:
    try:
        compiled = re.compile(expected)
    except re.error as error:
        raise ApiError(400, "invalid", f"Invalid value for field 'filter': {error}.") from error

    def test(body: Body) -> bool:
        found = values(body, name)
        same = any(compiled.fullmatch(_text(value)) for value in found)
        return same if operator == "eq" else not same

    return test


def values(body: Any, path: str) -> list[Any]:
    """Give the values at a path: every entry of lists on the way, labels with dots in them too."""
    if isinstance(body, list):
        return [found for entry in body for found in values(entry, path)]
    if not path:
        return [body]
    if not isinstance(body, dict):
        return []
    if path in body:
        return values(body[path], "")
    head, _, rest = path.partition(".")
    if head not in body:
        return []
    return values(body[head], rest)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _compare(found: list[Any], operator: str, expected: str) -> bool:
    if operator == ":":
        if expected == "*":
            return bool(found)
        return any(_contains(value, expected) for value in found)
    if operator == "!=":
        return not any(_same(value, expected) for value in found)
    if operator == "=":
        return any(_same(value, expected) for value in found)
    return any(_ordered(value, operator, expected) for value in found)


def _same(value: Any, expected: str) -> bool:
    if "*" in expected:
        parts = [re.escape(part) for part in expected.split("*")]
        return re.fullmatch(".*".join(parts), _text(value)) is not None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number(expected) == value
    return _text(value) == expected


def _contains(value: Any, expected: str) -> bool:
    if isinstance(value, dict):
        return expected in value
    return expected.lower().strip("*") in _text(value).lower()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _ordered(value: Any, operator: str, expected: str) -> bool:
    left: Any = _number(_text(value))
    right: Any = _number(expected)
    if left is None or right is None:
        left, right = _text(value), expected
    tests = {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}
    return bool(tests[operator])


def parse(text: str) -> Test:
    """Make a test of a filter; a filter that nobody understands is refused (400)."""
    if not text.strip():
        return lambda _body: True
    parser = _Parser(text)
    test = parser.expression()
    if parser.peek()[0] != "end":
        raise parser.refuse()
    return test
