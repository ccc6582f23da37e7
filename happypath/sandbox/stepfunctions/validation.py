"""ValidateStateMachineDefinition: what is wrong with a definition, without a state machine of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from happypath.sandbox.stepfunctions.language.definition import diagnose

_MOST = 100


def validate_state_machine_definition(_backend: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html."""
    found = diagnose(request["definition"], request.get("type", "STANDARD"))
    most = request.get("maxResults") or _MOST
    diagnostics = [
        {
            "severity": "ERROR",
            "code": each.code,
            "message": each.message,
            **({} if each.location is None else {"location": each.location}),
        }
        for each in found
    ]
    return {
        "result": "FAIL" if found else "OK",
        "diagnostics": diagnostics[:most],
        "truncated": len(diagnostics) > most,
    }
