"""Text from outside, as a person may see it."""

from __future__ import annotations

import json
import re

# Control characters but for white space; what turns or hides text (Unicode's bidirectional and zero-width
# formats); half characters and others that no page or picture can hold.
_UNSEEN = re.compile(
    "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\xad\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f"
    "\\ufeff\\ufff9-\\ufffb\\ufffe\\uffff\\ud800-\\udfff\\U000e0000-\\U000e007f]"
)


def visible(text: str) -> str:
    r"""A text with escapes in place of what is not seen, or would turn what is around it.

    >>> visible("photo\u202egpj.exe")
    'photo\\u202egpj.exe'
    """
    return _UNSEEN.sub(lambda match: json.dumps(match[0])[1:-1], text)


def in_line(text: str) -> str:
    r"""The same in one line, for terminals.

    >>> in_line("two\n lines, \x1b[31mred")
    'two lines, \\u001b[31mred'
    """
    return visible(" ".join(text.split()))
