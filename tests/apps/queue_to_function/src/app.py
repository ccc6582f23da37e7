"""Writes what it is told into its log."""

import json


def handler(event, context):
    for record in event["Records"]:
        print(json.dumps({"worked": json.loads(record["body"])["order"]}))
