"""Filter patterns of CloudWatch Logs: terms, JSON, and lines of words between spaces.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json
import operator
import re
import shlex
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

# Whether a message fits.
Filter: TypeAlias = Callable[[str], bool]
# Whether a JSON object, or the words of a line by their names, fit.
_Test: TypeAlias = Callable[[Any], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*")|(?P<regex>%[^%]+%)|(?P<op>&&|\|\||!=|>=|<=|[=<>()])"""
    r"""|(?P<word>(?:\[[^\]]*\]|[^\s=<>!()&|])+))"""
)
_TERM = re.compile(r'([?-]?)(?:"((?:\\.|[^"\\])*)"|%([^%]+)%|(\S+))')
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\*|\"[^\"]*\"|'[^']*')\]")
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class PatternError(ValueError):
    """CloudWatch Logs takes no such pattern."""


@lru_cache(maxsize=256)
def read(pattern: str) -> Filter:
    """Reads a pattern; an empty one fits every message.

    >>> [read('{ $.level = "ERROR" }')(line) for line in ('{"level": "ERROR"}', '{"level": "INFO"}', "ERROR")]
    [True, False, False]
    >>> [read("[ip, status=4*]")(line) for line in ("10.0.0.1 404", "10.0.0.1 200", "404")]
    [True, False, False]

    Raises:
        PatternError: it is none.
    """
    text = pattern.strip()
    if text.startswith("{"):
        return _json(text)
    if text.startswith("["):
        return _words(text)
    return _terms(text)


def _terms(text: str) -> Filter:
    """`A B` both, `?A ?B` either, `-A` not, `"A B"` a phrase, `%A%` a regular expression."""
    all_of: list[Filter] = []
    any_of: list[Filter] = []
    none_of: list[Filter] = []
    for sign, phrase, regex, word in _TERM.findall(text):
        test = _regex(regex) if regex else _contains(phrase.replace('\\"', '"') or word)
        {"?": any_of, "-": none_of}.get(sign, all_of).append(test)
    # Of optional terms beside others AWS takes no notice.
    if all_of:
        any_of = []
    return lambda message: (
        all(test(message) for test in all_of)
        and (not any_of or any(test(message) for test in any_of))
        and not any(test(message) for test in none_of)
    )


def _contains(term: str) -> Filter:
    return lambda message: term in message


def _regex(expression: str) -> Filter:
    try:
        compiled = re.compile(expression)
    except re.error as error:
        raise PatternError(f"%{expression}% is no regular expression: {error}") from error
    return lambda message: compiled.search(message) is not None


def _json(text: str) -> Filter:
    if not text.endswith("}"):
        raise PatternError("A pattern of JSON ends with }.")
    test = _Expression(text[1:-1], _selected).read()

    def fits(message: str) -> bool:
        try:
            event = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return isinstance(event, dict) and test(event)

    return fits


def _words(text: str) -> Filter:
    """`[ip, ..., status=4*]`: the words of a line, each under a name, with conditions."""
    if not text.endswith("]"):
        raise PatternError("A pattern of words ends with ].")
    fields = [each.strip() for each in text[1:-1].split(",")]
    names = [re.split(r"[\s=<>!]", each, maxsplit=1)[0] or f"${number}" for number, each in enumerate(fields)]
    tests = [
        _Expression(
            each, lambda selector: lambda words: [words[selector]] if selector in words else []
        ).read()
        for each, name in zip(fields, names, strict=True)
        if each not in {name, "..."} and each
    ]

    def fits(message: str) -> bool:
        try:
            words = shlex.split(re.sub(r"\[([^\]]*)\]", r'"\1"', message))
        except ValueError:
            words = message.split()
        named = _named(names, words)
        return named is not None and all(test(named) for test in tests)

    return fits


def _named(names: list[str], words: list[str]) -> dict[str, str] | None:
    if "..." in names:
        at = names.index("...")
        after = len(names) - at - 1
        if len(words) < at + after:
            return None
        middle = len(words) - after
        return {
            **dict(zip(names[:at], words[:at], strict=True)),
            **dict(zip(names[at + 1 :], words[middle:], strict=True)),
        }
    return dict(zip(names, words, strict=True)) if len(names) == len(words) else None


class _Expression:
    """Conditions with `&&`, `||` and parentheses; `select` turns a selector into what finds its values."""

    def __init__(self, text: str, select: Callable[[str], Callable[[Any], list[Any]]]) -> None:
        self._select = select
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise PatternError(f"This is no part of a pattern: {text[at:].strip()}")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()

    def read(self) -> _Test:
        test = self._either()
        if self._tokens:
            raise PatternError(f"Nothing is expected at {self._tokens[0][1]}")
        return test

    def _either(self) -> _Test:
        tests = [self._both()]
        while self._next_is("||"):
            tests.append(self._both())
        return lambda event: any(test(event) for test in tests)

    def _both(self) -> _Test:
        tests = [self._condition()]
        while self._next_is("&&"):
            tests.append(self._condition())
        return lambda event: all(test(event) for test in tests)

    def _condition(self) -> _Test:
        if self._next_is("("):
            test = self._either()
            if not self._next_is(")"):
                raise PatternError("A parenthesis is not closed.")
            return test
        values = self._select(self._take("word"))
        kind, text = self._tokens[0] if self._tokens else ("", "")
        if kind == "word":
            return self._state(values)
        if kind != "op" or text not in _COMPARISONS:
            raise PatternError("A selector is followed by a comparison.")
        self._tokens.pop(0)
        kind, wanted = self._tokens.pop(0) if self._tokens else ("", "")
        if kind not in {"text", "word", "regex"}:
            raise PatternError(f"{text} is followed by a value.")
        return _compared(values, text, kind, wanted)

    def _state(self, values: Callable[[Any], list[Any]]) -> _Test:
        said = " ".join([self._take("word").upper(), self._take("word").upper()])
        states: Mapping[str, _Test] = {
            "IS NULL": lambda event: any(each is None for each in values(event)),
            "IS TRUE": lambda event: any(each is True for each in values(event)),
            "IS FALSE": lambda event: any(each is False for each in values(event)),
            "NOT EXISTS": lambda event: not values(event),
        }
        if said not in states:
            raise PatternError(f"{said} is none of {', '.join(states)}.")
        return states[said]

    def _take(self, kind: str) -> str:
        if not self._tokens or self._tokens[0][0] != kind:
            raise PatternError("The pattern is not complete.")
        return self._tokens.pop(0)[1]

    def _next_is(self, text: str) -> bool:
        if self._tokens and self._tokens[0] == ("op", text):
            self._tokens.pop(0)
            return True
        return False


def _compared(values: Callable[[Any], list[Any]], comparison: str, kind: str, wanted: str) -> _Test:
    compare = _COMPARISONS[comparison]
    if kind == "regex":
        fits = _regex(wanted[1:-1])
        return lambda event: any(compare(fits(_shown(each)), True) for each in values(event))
    text = json.loads(wanted) if kind == "text" else wanted
    number = _number(text) if kind == "word" else None
    if number is not None:
        return lambda event: any(_holds(compare, each, number) for each in values(event))
    if comparison not in {"=", "!="}:
        raise PatternError(f"{comparison} compares numbers.")
    expression = re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)
    return lambda event: any(
        compare(expression.fullmatch(_shown(each)) is not None, True)
        for each in values(event)
        if not isinstance(each, (dict, list)) and each is not None
    )


def _holds(compare: Callable[[Any, Any], bool], value: Any, number: float) -> bool:
    found = _number(value)
    return found is not None and compare(found, number)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _selected(selector: str) -> Callable[[Any], list[Any]]:
    """The values at `$.a.b[0]`."""
    if not selector.startswith("$"):
        raise PatternError(f"A selector begins with $: {selector}")
    steps: list[str | int] = []
    at = 1
    while at < len(selector):
        found = _STEP.match(selector, at)
        if found is None:
            raise PatternError(f"This is no selector: {selector}")
        name, index = found.groups()
        steps.append(name or (int(index) if index.isdigit() else index.strip("\"'")))
        at = found.end()

    def values(event: Any) -> list[Any]:
        reached = [event]
        for step in steps:
            reached = [inner for each in reached for inner in _inner(each, step)]
        return reached

    return values


def _inner(value: Any, step: str | int) -> list[Any]:
    if step == "*":
        return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if isinstance(step, int):
        return value[step : step + 1] if isinstance(value, list) else []
    return [value[step]] if isinstance(value, dict) and step in value else []
