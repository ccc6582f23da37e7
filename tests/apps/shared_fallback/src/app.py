"""Does a step, or fails if it is told so."""


class StepError(Exception):
    """A step that failed."""


def handler(event, context):
    if event["fails"] == event["step"]:
        raise StepError(event["step"])
    return {"id": f"{event['step']}-1"}
