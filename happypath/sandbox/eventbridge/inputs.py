"""What a rule's target receives of an event: all of it, a part, a text of its own, or a filled template.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

MOST_VARIABLES = 100

_VARIABLE = re.compile(r"<([\w.\-]+)>")
_STEP = re.compile(r"\.(\*|[^.\[\]*]+)|\[(\*|\d+|'[^']*'|\"[^\"]*\")\]")
_RULE_ARN, _RULE_NAME = "aws.events.rule-arn", "aws.events.rule-name"
_EVENT, _WHOLE_EVENT = "aws.events.event", "aws.events.event.json"
_INGESTED = "aws.events.event.ingestion-time"
_PREDEFINED = {_RULE_ARN, _RULE_NAME, _EVENT, _WHOLE_EVENT, _INGESTED}
# What a path that leads nowhere gives.
_MISSING = object()


class InputError(ValueError):
    """A target's input is refused, or cannot be made of this event; the message says why."""


def compact(value: Any) -> str:
    """JSON as EventBridge writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def check(target: Mapping[str, Any]) -> None:
    """Refuses what PutTargets refuses of a target's Input, InputPath and InputTransformer.

    Raises:
        InputError: the message is AWS's.
    """
    name = target["Id"]
    given = [each for each in ("Input", "InputPath", "InputTransformer") if target.get(each) is not None]
    if len(given) > 1:
        raise InputError(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}."
        )
    if "Input" in given and not _is_json(target["Input"]):
        raise InputError(f"JSON syntax error in input for target {name}.")
    if "InputPath" in given and _steps(target["InputPath"]) is None:
        raise InputError(f"Invalid InputPath for target {name}.")
    if "InputTransformer" in given:
        _check_transformer(target["InputTransformer"], name)


def _check_transformer(transformer: Mapping[str, Any], name: str) -> None:
    paths, template = transformer.get("InputPathsMap") or {}, transformer["InputTemplate"]
    if len(paths) > MOST_VARIABLES:
        raise InputError(f"InputPathsMap for target {name} has more than {MOST_VARIABLES} variables.")
    for variable, path in paths.items():
        if variable.upper().startswith("AWS"):
            raise InputError(f"InputPathsMap for target {name} must not use the reserved name {variable}.")
        if _steps(path) is None:
            raise InputError(f"Invalid path for variable {variable} of the InputPathsMap for target {name}.")
    for variable in _VARIABLE.findall(template):
        if variable not in paths and variable not in _PREDEFINED:
            raise InputError(f"InputTemplate for target {name} contains invalid placeholder {variable}.")
    if not _are_json(_VARIABLE.sub("null", template)):
        raise InputError(f"Invalid InputTemplate for target {name} : it is neither JSON nor text in quotes.")


def made(target: Mapping[str, Any], event: Mapping[str, Any], rule: tuple[str, str], ingested: str) -> str:
    """What the target receives of an event: JSON, or for a template of several texts one in each line.

    `rule` is the rule's ARN and name; `ingested` the time at which the event came, as text.

    Raises:
        InputError: the filled template is not JSON: EventBridge delivers nothing.
    """
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath") is not None:
        found = _follow(target["InputPath"], event)
        return compact(None if found is _MISSING else found)
    transformer = target.get("InputTransformer")
    if transformer is None:
        return compact(event)
    values = {name: _follow(path, event) for name, path in (transformer.get("InputPathsMap") or {}).items()}
    arn, name = rule
    without_detail = ("id", "account", "detail-type", "time", "source", "region", "resources", "version")
    values |= {
        _RULE_ARN: arn,
        _RULE_NAME: name,
        _INGESTED: ingested,
        _WHOLE_EVENT: event,
        _EVENT: {
            "detailType" if each == "detail-type" else each: event[each]
            for each in without_detail
            if each in event
        },
    }
    filled = _filled(transformer["InputTemplate"], values)
    if not _are_json(filled):
        raise InputError("the filled InputTemplate is not JSON")
    return filled


def _filled(template: str, values: Mapping[str, Any]) -> str:
    """The template with its variables' values: JSON outside of quotes, text within."""
    is_text = template.lstrip().startswith('"')
    parts: list[str] = []
    quoted = False
    at = 0
    for found in _VARIABLE.finditer(template):
        before = template[at : found.start()]
        quoted ^= bool(len(re.findall(r'(?<!\\)(?:\\\\)*"', before)) % 2)
        parts += [before, _written(values[found[1]], quoted=quoted, is_text=is_text)]
        at = found.end()
    return "".join([*parts, template[at:]])


def _written(value: Any, *, quoted: bool, is_text: bool) -> str:
    if value is _MISSING:
        return "" if quoted else '""'
    written = compact(value)
    if not quoted:
        return written
    if isinstance(value, str):
        return written[1:-1]
    # In a text AWS leaves the quotation marks out; within JSON this breaks it, and nothing is delivered.
    return written.replace('"', "") if is_text else written


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _are_json(text: str) -> bool:
    """Whether a text is one JSON value, or several with white space between them."""
    decoder, at, number = json.JSONDecoder(), 0, 0
    text = text.strip()
    while at < len(text):
        try:
            _, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return False
        number += 1
        while text[at : at + 1].isspace():
            at += 1
    return number > 0


def _steps(path: str) -> list[str | int] | None:
    """The names and indices of a path such as `$.detail.items[0].name`; None for what is no such path."""
    if not path.startswith("$"):
        return None
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            return None
        name, index = found.groups()
        if name is not None:
            steps.append(name)
        elif index[0] in "'\"":
            steps.append(index[1:-1])
        else:
            steps.append(index if index == "*" else int(index))
        at = found.end()
    return steps


def _follow(path: str, event: Mapping[str, Any]) -> Any:
    """What a path leads to; a list where it has a wildcard."""
    steps = _steps(path) or []
    found = list(_reached(event, steps))
    if "*" in steps:
        return found
    return found[0] if found else _MISSING


def _reached(node: Any, steps: list[str | int]) -> Iterator[Any]:
    if not steps:
        yield node
        return
    step, *rest = steps
    following: list[Any] = []
    if step == "*":
        following = list(node.values()) if isinstance(node, Mapping) else node
        following = following if isinstance(following, list) else []
    elif isinstance(step, int):
        following = node[step : step + 1] if isinstance(node, list) else []
    elif isinstance(node, Mapping) and step in node:
        following = [node[step]]
    for each in following:
        yield from _reached(each, rest)
