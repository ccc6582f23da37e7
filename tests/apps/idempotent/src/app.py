"""Pays for an order, once."""

import os
from uuid import uuid4

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent,
)

logger = Logger()
config = IdempotencyConfig(
    event_key_jmespath="orderId", expires_after_seconds=int(os.environ["EXPIRES_AFTER_SECONDS"])
)


@idempotent(config=config, persistence_store=DynamoDBPersistenceLayer(table_name=os.environ["TABLE"]))
def handler(event, context):
    logger.info("paid", extra={"order": event["orderId"]})
    return {"orderId": event["orderId"], "paymentId": str(uuid4())}
