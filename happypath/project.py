"""Where this project's own files are, and what follows from them alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "samples"
TEMPLATES = ROOT / "templates"
# Every template but `core` is a workflow; the versions stand first.
WORKFLOWS = tuple(
    sorted(
        (path.parent.name for path in TEMPLATES.glob("*/template.yaml") if path.parent.name != "core"),
        key=lambda name: (not re.fullmatch(r"v\d+", name), name),
    )
)
# The workflow that looks for what it is told to look for, in documents as in photos.
MATCHER = "matcher"
# Begins the name of every stack, unless another is asked for.
PREFIX = "happypath"


def template_of(stack: str) -> dict[str, Any]:
    """A stack's template, with short forms such as !Ref written out."""
    # Every command imports this module, and few read a template.
    from samtranslator.yaml_helper import yaml_parse  # noqa: PLC0415

    document: dict[str, Any] = yaml_parse((TEMPLATES / stack / "template.yaml").read_text(encoding="utf-8"))
    return document
