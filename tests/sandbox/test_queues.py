"""Queues lose nothing, however many send, receive and delete at once."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from moto.sqs.models import Queue, SQSBackend, sqs_backends

from happypath.sandbox.patches.sqs import thread_safe_queues
from tests.mocked import mocked

_SENDERS, _MESSAGES = 4, 100


@pytest.fixture
def sqs() -> Iterator[SQSBackend]:
    before = sys.getswitchinterval()
    # Threads get in each other's way as often as they can.
    sys.setswitchinterval(1e-6)
    with mocked(), thread_safe_queues(cast(Any, None)):
        backend = sqs_backends["123456789012"]["us-east-1"]
        backend.create_queue("dead")
        dead = backend.get_queue("dead").queue_arn
        policy = f'{{"deadLetterTargetArn": "{dead}", "maxReceiveCount": 1}}'
        backend.create_queue("alive", RedrivePolicy=policy)
        yield backend
    sys.setswitchinterval(before)


def send(sqs: SQSBackend, bodies: list[str]) -> None:
    for body in bodies:
        sqs.send_message("alive", body)


def received(sqs: SQSBackend, visibility_timeout: int = 60) -> list[Any]:
    return sqs.receive_message("alive", 10, 0, visibility_timeout)


def test_what_is_sent_while_others_delete_is_not_lost(sqs: SQSBackend) -> None:
    bodies = [[f"{sender}-{n}" for n in range(_MESSAGES)] for sender in range(_SENDERS)]
    seen: list[str] = []
    all_sent = threading.Event()

    def consume() -> None:
        while (messages := received(sqs)) or not all_sent.is_set():
            for message in messages:
                seen.append(message.body)
                sqs.delete_message("alive", message.receipt_handle)

    with ThreadPoolExecutor(2 * _SENDERS) as pool:
        consumers = [pool.submit(consume) for _ in range(_SENDERS)]
        for sent in [pool.submit(send, sqs, each) for each in bodies]:
            sent.result()
        all_sent.set()
        for consumer in consumers:
            consumer.result()

    assert sorted(seen) == sorted(body for each in bodies for body in each)


def test_those_who_find_a_dead_letter_at_once_move_it_once(sqs: SQSBackend) -> None:
    send(sqs, [str(n) for n in range(_MESSAGES)])
    while received(sqs, visibility_timeout=1):
        pass
    time.sleep(1.1)

    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(received, sqs) for _ in range(40)]:
            each.result()

    dead = sqs.get_queue("dead")._messages
    assert len(dead) == len({message.id for message in dead}) == _MESSAGES


def test_who_waits_gets_what_is_sent_meanwhile(sqs: SQSBackend) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sqs.receive_message, "alive", 1, 20, 60)
        send(sqs, ["late"])
        assert [message.body for message in waiting.result()] == ["late"]


def test_who_waits_at_a_deleted_queue_takes_nothing_from_the_next_of_its_name(
    sqs: SQSBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = threading.Event()
    wait = Queue.wait_for_messages

    def wait_and_say_so(queue: Queue, timeout: int) -> None:
        waits.set()
        wait(queue, timeout)

    monkeypatch.setattr(Queue, "wait_for_messages", wait_and_say_so)
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(sqs.receive_message, "alive", 10, 20, 60)
        waits.wait()
        sqs.delete_queue("alive")
        sqs.create_queue("alive")
        send(sqs, ["for another"])
        assert found.result() == []
    assert [message.body for message in received(sqs)] == ["for another"]
