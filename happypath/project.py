"""Where this project's own files are, and what follows from them alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

_BESIDE = Path(__file__).resolve().parents[1]
# Where this package is, or, of a package that was installed elsewhere, the checkout in which it is used.
ROOT = _BESIDE if (_BESIDE / "templates").is_dir() else Path.cwd()
SAMPLES = ROOT / "samples"
TEMPLATES = ROOT / "templates"
# Begins the name of every stack, unless another is asked for.
PREFIX = "happypath"


def version_number(workflow: str) -> int | None:
    """The number of a workflow that is a version; None for any other.

    >>> version_number("v10"), version_number("v2-b")
    (10, None)
    """
    match = re.fullmatch(r"v(\d+)", workflow)
    return int(match[1]) if match else None


def workflows_in(templates: Path) -> tuple[str, ...]:
    """The workflows in a folder of templates: those with an output `StateMachine`. Versions stand first."""
    found = {
        path.parent.name
        for path in templates.glob("*/template.yaml")
        if re.search(r"^  StateMachine:$", path.read_text(encoding="utf-8"), re.MULTILINE)
    }

    def place(name: str) -> tuple[bool, int, str]:
        number = version_number(name)
        return number is None, number or 0, name

    return tuple(sorted(found, key=place))


def add_ons_in(templates: Path) -> tuple[str, ...]:
    """The stacks on `core` that are no workflow: uploads do not run through them."""
    found = {path.parent.name for path in templates.glob("*/template.yaml")}
    return tuple(sorted(found - {"core", *workflows_in(templates)}))


def imports_in(templates: Path) -> dict[str, tuple[str, ...]]:
    """Each stack in a folder of templates → those beside `core` whose exports it imports."""
    texts = {path.parent.name: path.read_text(encoding="utf-8") for path in templates.glob("*/template.yaml")}
    names = r' *!Sub "?\$\{Prefix\}-([\w-]+)'
    exports = {
        name: stack
        for stack, text in texts.items()
        for name in re.findall(rf"Export:\s+Name:{names}", text)
        if stack != "core"
    }
    return {
        stack: tuple(
            sorted(
                {exports[each] for each in re.findall(rf'Fn::ImportValue"?:{names}', text) if each in exports}
            )
        )
        for stack, text in texts.items()
    }


def newest_of(workflows: tuple[str, ...]) -> str:
    """The version with the highest number; without versions, the first workflow; "" of none.

    >>> newest_of(("v9", "v10", "matcher"))
    'v10'
    """
    return max(
        workflows, key=lambda name: -1 if (number := version_number(name)) is None else number, default=""
    )


WORKFLOWS = workflows_in(TEMPLATES)
ADD_ONS = add_ons_in(TEMPLATES)
_IMPORTS = imports_in(TEMPLATES)


def needed_by(stack: str) -> list[str]:
    """The stacks beside `core` that have to be there before a stack, in the order of their deployment."""
    needed: list[str] = []
    for each in _IMPORTS.get(stack, ()):
        needed += [one for one in (*needed_by(each), each) if one not in needed]
    return needed


# In the order in which they are deployed.
STACKS = (
    "core",
    *dict.fromkeys(one for each in (*ADD_ONS, *WORKFLOWS) for one in (*needed_by(each), each)),
)
# Services that no sandbox has, as types of resources name them.
_NOT_IN_SANDBOX = ("OSIS", "OpenSearchServerless")


def only_on_aws(stack: str) -> list[str]:
    """The services of a stack that no sandbox has, as types of resources name them; none of most stacks."""
    template = TEMPLATES / stack / "template.yaml"
    # An installed command has no templates, and says so when it needs one.
    text = template.read_text(encoding="utf-8") if template.exists() else ""
    types = set(re.findall(r"^    Type: AWS::(\w+)::", text, re.MULTILINE))
    return [each for each in _NOT_IN_SANDBOX if each in types]


# Those that a sandbox can have.
SANDBOX_STACKS = tuple(stack for stack in STACKS if not only_on_aws(stack))
# What is meant where no workflow is named.
NEWEST = newest_of(WORKFLOWS)


def template_of(stack: str) -> dict[str, Any]:
    """A stack's template, with short forms such as !Ref written out."""
    # Every command imports this module, and few read a template.
    from happypath import template_yaml  # noqa: PLC0415

    document: dict[str, Any] = template_yaml.read(
        (TEMPLATES / stack / "template.yaml").read_text(encoding="utf-8")
    )
    return document


def extras_of(workflow: str) -> list[str]:
    """What a workflow needs here beside the rest, as `scripts/install` calls it.

    `ocr` where its template grants rekognition:DetectText, by name; else by the rooms of its handlers.
    """
    template = (TEMPLATES / workflow / "template.yaml").read_text(encoding="utf-8")
    signs = {
        "ocr": "rekognition:DetectText",
        "dicom": "Handler: functions.dicom.",
        "document": "Handler: functions.document.",
        "video": "Handler: functions.video.",
    }
    return [extra for extra, sign in signs.items() if sign in template]


def uploads_of(workflow: str) -> str:
    """Where a workflow's uploads lie, such as `avatars/<playerId>/`: its template's output `Uploads`.

    A workflow without one takes those of any place: `<placeId>/`.
    """
    template = TEMPLATES / workflow / "template.yaml"
    said = re.search(
        r"^  Uploads:\n(?:    .*\n)*?    Value: (\S+)$",
        template.read_text(encoding="utf-8") if template.exists() else "",
        re.MULTILINE,
    )
    return said[1] if said else "<placeId>/"


def cataloguing() -> tuple[str, ...]:
    """The workflows that make uploads searchable: by the handler of one of their functions."""
    sign = "Handler: functions.catalogue.index_task."
    return tuple(
        each for each in WORKFLOWS if sign in (TEMPLATES / each / "template.yaml").read_text(encoding="utf-8")
    )


def usually_live() -> str:
    """What is live where nobody has said otherwise: the newest version, and workflows with keys of their own.

    Of several whose keys begin alike, as those of copies do, it is the first.
    """
    prefixes: dict[str, str] = {}
    for workflow in WORKFLOWS:
        if prefix := uploads_of(workflow).partition("<")[0]:
            prefixes.setdefault(prefix, workflow)
    return " ".join([NEWEST, *(f"{prefix}={workflow}" for prefix, workflow in prefixes.items())])


def functions_of(template: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The properties of a template's functions, by logical id, with its `Globals` merged as SAM does it."""
    from samtranslator.plugins.globals.globals_plugin import GlobalsPlugin  # noqa: PLC0415

    merged = deepcopy(dict(template))
    GlobalsPlugin().on_before_transform_template(merged)
    return {
        name: resource["Properties"]
        for name, resource in merged["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
