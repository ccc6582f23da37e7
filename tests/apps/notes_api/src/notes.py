import json
import os
import uuid

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def answer(status, body=None):
    headers = {"content-type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": "" if body is None else json.dumps(body)}


def write(event, context):
    note_id = event.get("pathParameters", {}).get("id")
    method = event["requestContext"]["http"]["method"]
    if method == "DELETE":
        table.delete_item(Key={"id": note_id})
        return answer(204)
    text = json.loads(event["body"]).get("text")
    if not text:
        return answer(400, {"error": "A note needs a text."})
    note = {"id": note_id or str(uuid.uuid4()), "text": text}
    table.put_item(Item=note)
    return answer(200 if method == "PUT" else 201, note)


def read(event, context):
    if "pathParameters" not in event:
        # What has no status is the answer's body.
        return sorted(table.scan()["Items"], key=lambda note: note["text"])
    found = table.get_item(Key={"id": event["pathParameters"]["id"]}).get("Item")
    return found or answer(404, {"error": "There is no such note."})
