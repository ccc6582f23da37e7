"""A stage's access log: one line for each request, of `$context`'s variables.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\$context\.([A-Za-z][\w.-]*\w)")


def line(form: str, variables: Mapping[str, str]) -> str:
    """A line in a format; a variable that has no value is `-`.

    Values cannot end the line, nor a text in it: they are written as in JSON.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name == "error.messageString":
            return json.dumps(variables["error.message"]) if "error.message" in variables else "-"
        return json.dumps(variables.get(name, "-"), ensure_ascii=False)[1:-1]

    return _VARIABLE.sub(value, form)


def group(destination_arn: str) -> str:
    """The name of the log group at an ARN.

    Raises:
        ValueError: it is no log group.
    """
    found = re.fullmatch(r"arn:aws:logs:[^:]*:[^:]*:log-group:([^:]+)(:\*)?", destination_arn)
    if found is None:
        raise ValueError(f"The sandbox writes access logs to CloudWatch Logs only, not to {destination_arn}.")
    return found[1]
