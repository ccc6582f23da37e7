"""Each patch of moto is needed, and shown: by a case that fails without it, or by a test of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from happypath.project import ROOT
from happypath.sandbox.patches.all import PATCHES
from tests.fidelity.case import read

NAMED = {patch for case in read() for patch in case.patches}
# What no case can show: what happens when calls meet, in another process, or in a stack of a template.
SHOWN_BY_TESTS = {
    "awslambda.functions_keep_their_configuration": "sandbox/test_log_groups.py",
    "assumed_roles.roles_of_functions": "sandbox/iam/test_assumed_roles.py",
    "assumed_roles.roles_of_state_machines": "sandbox/iam/test_assumed_roles.py",
    "assumed_roles.roles_of_targets": "sandbox/iam/test_assumed_roles.py",
    "assumed_roles.roles_that_poll": "sandbox/iam/test_assumed_roles.py",
    "resource_policies.deliveries_of_buckets": "sandbox/iam/test_resource_policies.py",
    "resource_policies.deliveries_of_topics": "sandbox/iam/test_resource_policies.py",
    "states_evaluation.no_limit_of_time": "sandbox/test_states.py",
    "states_language.query_languages": "sandbox/test_states.py",
    "awslambda.functions_run": "sandbox/test_host.py",
    "cloudformation.change_sets": "sandbox/test_change_sets.py",
    "cloudformation.templates_are_transformed": "sandbox/test_change_sets.py",
    "dynamodb.atomic_writes": "sandbox/test_tables.py",
    "iam.managed_policies_of_roles": "sandbox/test_roles.py",
    "iam.inline_policies_of_stacks": "sandbox/test_roles.py",
    "iam.policies_of_buckets": "sandbox/iam/test_enforcement.py",
    "s3.bodies_of_any_type": "sandbox/test_signed_requests.py",
    "resource_policies.lambda_permissions_of_stacks": "sandbox/iam/test_resource_policies.py",
    "s3.buckets_of_stacks": "sandbox/test_buckets.py",
    "s3.form_answers": "sandbox/test_signed_requests.py",
    "s3.functions_are_notified_asynchronously": "sandbox/test_buckets.py",
    "stepfunctions.errors_of_eventbridge": "statemachines/test_telling.py",
    "stepfunctions_service.executions_take_turns": "sandbox/test_turns.py",
    "stepfunctions_service.state_machines_of_stacks": "sandbox/test_state_machines.py",
    "stepfunctions_clients.tasks_call_as_their_role": "sandbox/iam/test_enforcement.py",
    "sqs.queues_are_polled": "sandbox/test_queues.py",
    "sqs.thread_safe_queues": "sandbox/test_queues.py",
    "ssm.last_modified_user": "cli/test_live.py",
}


def test_every_patch_that_changes_an_answer_is_shown() -> None:
    changing = {name for name in PATCHES if not name.startswith("speed.")}
    assert NAMED - changing == set(), "cases name patches that there are not"
    assert set(SHOWN_BY_TESTS) - changing == set()
    assert changing - NAMED - set(SHOWN_BY_TESTS) == set(), "no case names these patches"


@pytest.mark.parametrize("path", sorted(set(SHOWN_BY_TESTS.values())))
def test_a_test_that_shows_a_patch_is_there(path: str) -> None:
    assert (Path(__file__).parents[1] / path).is_file()


# A process of its own: moto's state is one for a process, and these tests' sandbox is in this one.
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_without_its_patch_a_case_fails() -> None:
    command = [sys.executable, "-m", "tests.fidelity", "--patches"]
    services = sorted({case.service for case in read()})
    # Much of it is waiting for what must not come, which two halves do at the same time.
    halves = [
        subprocess.Popen(
            [*command, *services[first::2]],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for first in (0, 1)
    ]
    said = [half.communicate()[0] for half in halves]
    assert [half.returncode for half in halves] == [0, 0], "".join(said)
