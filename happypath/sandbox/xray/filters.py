"""Filter expressions of GetTraceSummaries, as far as the sandbox knows them.

That is: duration and responsetime in seconds, the flags ok, error, fault and throttle, annotations,
service(…) by name and type with conditions in braces, and AND, OR, NOT (or !) and parentheses between them.
https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

# https://docs.aws.amazon.com/xray/latest/api/API_GetTraceSummaries.html
_MAX_LENGTH = 2000
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<number>\d+(?:\.\d+)?)
      | (?P<word>[A-Za-z_][\w.]*)
      | (?P<sign>!=|<=|>=|[=<>!(){}\[\]:,])
    )""",
    re.VERBOSE,
)
_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "CONTAINS": lambda value, wanted: wanted in value,
    "BEGINSWITH": str.startswith,
    "ENDSWITH": str.endswith,
}


class FilterError(ValueError):
    """An expression cannot be used; the message says where and why."""


@dataclass(frozen=True)
class Subject:
    """What an expression is asked of: a trace, by its root segment, or within braces one of its services."""

    duration_s: float = 0.0
    response_s: float = 0.0
    # Those of ok, error, fault and throttle that hold.
    flags: frozenset[str] = frozenset()
    annotations: dict[str, list[Any]] = field(default_factory=dict)
    # Of a service.
    name: str = ""
    type: str = ""
    # Of a trace.
    services: tuple[Subject, ...] = ()


Filter: TypeAlias = Callable[[Subject], bool]
_FLAGS = {"ok", "error", "fault", "throttle"}
_SECONDS: dict[str, Callable[[Subject], float]] = {
    "duration": lambda subject: subject.duration_s,
    "responsetime": lambda subject: subject.response_s,
}


def parse(expression: str) -> Filter:
    """Reads an expression.

    >>> parse('duration > 2 AND annotation.status = "FAILED"')(Subject(duration_s=3))
    False

    Raises:
        FilterError: it cannot be used.
    """
    if len(expression) > _MAX_LENGTH:
        raise FilterError(f"Invalid filter expression: it is longer than {_MAX_LENGTH} characters.")
    try:
        parser = _Parser(expression)
        found = parser.alternatives()
        parser.expect_end()
    except RecursionError:
        raise FilterError("Invalid filter expression: it is nested too deep.") from None
    return found


class _Parser:
    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._at = 0
        # The kind and text of the next token; both empty at the end.
        self._kind, self._text = "", ""
        self._advance()

    def alternatives(self) -> Filter:
        found = self._conjunction()
        while self._takes("OR"):
            found = _either(found, self._conjunction())
        return found

    def expect_end(self) -> None:
        if self._kind:
            raise self._error("expected AND, OR or the end")

    def _conjunction(self) -> Filter:
        found = self._negation()
        while self._takes("AND"):
            found = _both(found, self._negation())
        return found

    def _negation(self) -> Filter:
        if self._takes("!") or self._takes("NOT"):
            return _not(self._negation())
        if self._takes("("):
            found = self.alternatives()
            self._expect(")")
            return found
        return self._condition()

    def _condition(self) -> Filter:
        word = self._take("word", "a keyword")
        if word == "service":
            return self._service()
        if word == "annotation":
            self._expect("[")
            name = self._take("word", "an annotation's name")
            self._expect("]")
            return self._annotation(name)
        if word.startswith("annotation."):
            return self._annotation(word.partition(".")[2])
        if word in _FLAGS:
            return self._flag(word)
        if word in _SECONDS:
            return self._seconds(_SECONDS[word])
        raise self._error(f"{word} is not known to the sandbox")

    def _flag(self, flag: str) -> Filter:
        wanted = True
        if self._text in {"=", "!="}:
            equal = self._take("sign", "=") == "="
            value = self._take("word", "true or false").lower()
            if value not in {"true", "false"}:
                raise self._error("expected true or false")
            wanted = (value == "true") is equal
        return lambda subject: (flag in subject.flags) is wanted

    def _seconds(self, value: Callable[[Subject], float]) -> Filter:
        compare = _NUMBERS.get(self._take("sign", "a comparison"))
        if compare is None:
            raise self._error("expected a comparison of numbers")
        wanted = float(self._take("number", "a number"))
        return lambda subject: compare(value(subject), wanted)

    def _annotation(self, name: str) -> Filter:
        sign = self._text
        if sign not in {**_NUMBERS, **_TEXTS}:
            return lambda subject: name in subject.annotations
        self._advance()
        wanted, compare = self._comparison(sign)
        return lambda subject: any(
            _same_type(value, wanted) and compare(value, wanted)
            for value in subject.annotations.get(name, [])
        )

    def _comparison(self, sign: str) -> tuple[Any, Callable[[Any, Any], bool]]:
        kind, text = self._kind, self._text
        self._advance()
        if kind == "string" and sign in _TEXTS:
            return _unquoted(text), _TEXTS[sign]
        if kind == "number" and sign in _NUMBERS:
            return float(text), _NUMBERS[sign]
        if kind == "word" and text.lower() in {"true", "false"} and sign in {"=", "!="}:
            return text.lower() == "true", _NUMBERS[sign]
        raise self._error(f"a value that cannot be compared by {sign}")

    def _service(self) -> Filter:
        wanted = {}
        self._expect("(")
        if self._kind == "string":
            wanted["name"] = _unquoted(self._take("string", "a name"))
        elif self._takes("id"):
            self._expect("(")
            while not self._takes(")"):
                field_ = self._take("word", "name or type")
                if field_ not in {"name", "type"}:
                    raise self._error(f"{field_} of a service is not known to the sandbox")
                self._expect(":")
                wanted[field_] = _unquoted(self._take("string", f"a {field_}"))
                self._takes(",")
        self._expect(")")
        condition: Filter = lambda _: True  # noqa: E731
        if self._takes("{"):
            condition = self.alternatives()
            self._expect("}")

        def holds(subject: Subject) -> bool:
            return any(
                all(getattr(service, key) == value for key, value in wanted.items()) and condition(service)
                for service in subject.services
            )

        return holds

    def _take(self, kind: str, what: str) -> str:
        if self._kind != kind:
            raise self._error(f"expected {what}")
        text = self._text
        self._advance()
        return text

    def _takes(self, text: str) -> bool:
        taken = self._text == text
        if taken:
            self._advance()
        return taken

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise self._error(f"expected {text}")

    def _advance(self) -> None:
        rest = self._expression[self._at :]
        match = _TOKEN.match(rest)
        if match is None:
            if rest.strip():
                raise self._error("a character that means nothing here")
            self._kind = self._text = ""
            return
        self._at += match.end()
        self._kind = match.lastgroup or ""
        self._text = match[self._kind]

    def _error(self, problem: str) -> FilterError:
        return FilterError(f"Invalid filter expression, before character {self._at + 1}: {problem}.")


def _either(first: Filter, second: Filter) -> Filter:
    return lambda subject: first(subject) or second(subject)


def _both(first: Filter, second: Filter) -> Filter:
    return lambda subject: first(subject) and second(subject)


def _not(negated: Filter) -> Filter:
    return lambda subject: not negated(subject)


def _same_type(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return isinstance(value, bool) and isinstance(wanted, bool)
    return isinstance(value, str) is isinstance(wanted, str)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
