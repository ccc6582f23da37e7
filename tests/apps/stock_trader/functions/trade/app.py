"""Buys and sells."""

from datetime import UTC, datetime
from uuid import uuid4


def buy(event, context):
    return _transaction("buy", event["price"])


def sell(event, context):
    return _transaction("sell", event["price"])


def _transaction(kind, price):
    return {"id": str(uuid4()), "type": kind, "price": str(price), "timestamp": datetime.now(UTC).isoformat()}
