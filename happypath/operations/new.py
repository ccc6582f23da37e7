"""`happypath new`: a workflow made from another one, as files of this project that are one's own to edit.

What is copied is the state machine, the template, the sections of samconfig.toml, the table of expected
outcomes and the samples. The workflow's name is replaced where it is a whole word.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from happypath.errors import UsageError
from happypath.project import ROOT, workflows_in

_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
# Each is something else already, where a workflow's name would stand.
_TAKEN = {
    "core": "is the stack that workflows stand on",
    "none": "is what `happypath live` holds uploads by",
    "version": "is a key of samconfig.toml",
    "default": "is SAM's own environment in samconfig.toml",
    "uploads": "is the file of samples for workflows that have none of their own",
}
# The longest prefix of an installation (the templates' parameter), and a hyphen.
_PREFIX_LENGTH = 20 + 1
# A state machine's name has at most 80 characters; `happypath compare` makes dry-run-<name>-<8 digits> of it.
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
_MACHINE_LENGTH = 80 - len("dry-run-") - len("-") - 8
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
_FUNCTION_LENGTH = 64
# What holds a name and is not about it: addresses, modules of the functions.
_NOT_NAMES = r"https?://\S+", r"\bfunctions(?:[./]\w+)+"


class NewRefusedError(UsageError):
    """No workflow is made, and nothing is written; the message says why."""


@dataclass(frozen=True)
class Made:
    """A new workflow, and its files, by their paths in the project."""

    name: str
    files: tuple[Path, ...]

    @property
    def next_commands(self) -> tuple[str, str]:
        """What one does with it first."""
        return f"happypath run --workflow {self.name}", f"happypath deploy {self.name}"


def make(name: str, source: str, root: Path = ROOT) -> Made:
    """Makes a workflow from another one of the project in `root`.

    Raises:
        NewRefusedError: it cannot have that name, or there is no such workflow to make it from.
        OSError: a file cannot be read or written; none is left.
    """
    workflows = workflows_in(root / "templates")
    _check_name(name, workflows)
    if source not in workflows:
        raise NewRefusedError(f"There is no workflow {source}: choose one of {', '.join(workflows)}.")
    files = {root / path: text for path, text in _files(name, source, root, workflows).items()}
    if there := [path for path in files if path.exists()]:
        raise NewRefusedError(f"{there[0].relative_to(root)} exists: a new workflow writes over nothing.")
    samconfig = root / "samconfig.toml"
    before = samconfig.read_text(encoding="utf-8")
    after = _samconfig(before, name, source, workflows)
    _check_lengths(name, files.values())
    _write({**files, samconfig: after}, {samconfig: before})
    return Made(name, tuple(path.relative_to(root) for path in (*files, samconfig)))


def renamed(text: str, source: str, name: str, keep: Iterable[str] = ()) -> str:
    """A text with one workflow's name replaced by another's, where it is a whole word.

    What is in `keep` stays as it is, as addresses and modules do.

    >>> renamed("workflow v4: ${Prefix}-v4-Resize, v4.asl.json, IPv4, v40", "v4", "v5")
    'workflow v5: ${Prefix}-v5-Resize, v5.asl.json, IPv4, v40'
    >>> renamed("Handler: functions.redact.handler of ${Prefix}-redact", "redact", "plates")
    'Handler: functions.redact.handler of ${Prefix}-plates'
    """
    kept = [*_NOT_NAMES, *(re.escape(each) for each in keep)]
    own = rf"(?<!\w){re.escape(source)}(?!\w|\.\d)"
    return re.sub(
        "|".join([*kept, f"(?P<own>{own})"]), lambda found: name if found["own"] else found[0], text
    )


def _check_name(name: str, workflows: tuple[str, ...]) -> None:
    if not _NAME.fullmatch(name):
        raise NewRefusedError(
            f"{name!r} cannot be a workflow's name: a stack and a state machine are named for it, so it has "
            "lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen."
        )
    if re.fullmatch(r"v0\d+", name):
        raise NewRefusedError(f"{name} would be the same version as v{int(name[1:])}: leave the zeros out.")
    if name in _TAKEN:
        raise NewRefusedError(f"A workflow cannot be called {name}, which {_TAKEN[name]}.")
    if name in workflows:
        raise NewRefusedError(f"There is a workflow {name} already.")
    if len(name) + _PREFIX_LENGTH > _MACHINE_LENGTH:
        raise NewRefusedError(
            f"{name} is too long: with a prefix of 20 characters a state machine's name leaves it "
            f"{_MACHINE_LENGTH - _PREFIX_LENGTH}."
        )


def _check_lengths(name: str, texts: Iterable[str]) -> None:
    """Looks at the functions, whose names are the longest that begin with the workflow's."""
    begin = f"${{Prefix}}-{name}"
    for text in texts:
        for rest in re.findall(rf"FunctionName:.*{re.escape(begin)}([\w-]*)", text):
            most = _FUNCTION_LENGTH - _PREFIX_LENGTH - len(rest)
            if len(name) > most:
                raise NewRefusedError(
                    f"{name} is too long: its function {name}{rest} would have more than {_FUNCTION_LENGTH} "
                    f"characters with a prefix of 20, which leaves the name {most}."
                )


def _files(name: str, source: str, root: Path, workflows: tuple[str, ...]) -> dict[Path, str]:
    """The new files' texts."""
    machine = Path("statemachines", f"{source}.asl.json")
    folder = Path("templates", source)
    # A table names no workflow, and samples are about photos.
    copied = [
        path
        for path in (Path("tests", "outcomes"), Path("samples"))
        if (root / path / f"{source}.json").exists()
    ]
    try:
        definition = (root / machine).read_text(encoding="utf-8")
        # A longer name that holds this one is another workflow's; a state's name is no workflow's, nor is
        # what rules say.
        read = json.loads(definition)
        kept = (*_states(read), *_texts_of_rules(read))
        keep = [*_others(source, workflows), *(f'"{each}"' for each in kept)]
        texts = {machine.with_name(f"{name}.asl.json"): renamed(definition, source, name, keep)}
        for path in sorted((root / folder).rglob("*")):
            if path.is_file():
                there = folder.with_name(name) / path.relative_to(root / folder)
                texts[there] = renamed(path.read_text(encoding="utf-8"), source, name, keep)
    except ValueError as error:
        raise NewRefusedError(f"{source} cannot be copied: {error}.") from error
    return texts | {
        path / f"{name}.json": (root / path / f"{source}.json").read_text(encoding="utf-8") for path in copied
    }


def _others(source: str, workflows: Iterable[str]) -> list[str]:
    found = [each for each in workflows if each != source and re.search(rf"\b{re.escape(source)}\b", each)]
    return sorted(found, key=len, reverse=True)


def _states(definition: dict[str, Any]) -> Iterator[str]:
    for name, state in definition["States"].items():
        yield name
        inner = (
            *state.get("Branches", []),
            *(state[each] for each in ("ItemProcessor", "Iterator") if each in state),
        )
        for each in inner:
            yield from _states(each)


def _texts_of_rules(value: Any, *, in_rules: bool = False) -> Iterator[str]:
    """The names and texts in the rules of all tasks."""
    if isinstance(value, str) and in_rules:
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts_of_rules(each, in_rules=in_rules)
    elif isinstance(value, dict):
        for name, each in value.items():
            if in_rules:
                yield name
            yield from _texts_of_rules(each, in_rules=in_rules or name == "rules")


def _samconfig(text: str, name: str, source: str, workflows: tuple[str, ...]) -> str:
    """The configuration of SAM with the source's sections once more, for the new workflow."""
    sections = re.findall(rf"^\[{re.escape(source)}\..*?(?=^\[|\Z)", text, re.M | re.S)
    added = "\n".join(
        renamed(each.strip() + "\n", source, name, _others(source, workflows)) for each in sections
    )
    after = f"{text.rstrip()}\n\n{added}"
    try:
        made = tomllib.loads(after)
    except tomllib.TOMLDecodeError as error:
        raise NewRefusedError(
            f"samconfig.toml has sections of {name} already, or is no TOML: {error}."
        ) from error
    if name not in made:
        raise NewRefusedError(f"samconfig.toml has no sections [{source}.…] to copy.")
    return after


def _write(texts: dict[Path, str], before: dict[Path, str]) -> None:
    """Writes all files or, where one cannot be written, leaves everything as it was."""
    folders = [
        folder
        for folder in dict.fromkeys(each for path in texts for each in path.parents)
        if not folder.exists()
    ]
    written: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append(path)
            path.write_text(text, encoding="utf-8")
    except OSError:
        for path in written:
            if path in before:
                path.write_text(before[path], encoding="utf-8")
            else:
                path.unlink(missing_ok=True)
        for folder in folders:
            if folder.is_dir():
                folder.rmdir()
        raise
