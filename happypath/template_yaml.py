"""Templates as CloudFormation reads them: YAML with the short forms of its functions."""

from __future__ import annotations

from typing import Any

import yaml
from samtranslator.yaml_helper import intrinsics_multi_constructor


# In C: the same in Python takes ten times as long, and is most of a deployment to the sandbox.
class _Loader(yaml.CSafeLoader):
    pass


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def read(text: str) -> Any:
    """A template's document, with short forms such as !Ref written out.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506  # a safe one
