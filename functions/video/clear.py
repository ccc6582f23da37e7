"""Removes what the tasks on a film left for each other."""

from __future__ import annotations

from functions.platform.aws import prepare
from functions.platform.settings import VideoSettings, read
from functions.platform.task import Event, Result, task
from functions.upload import Upload
from functions.video.workspace import Workspace

SETTINGS = read(VideoSettings)
prepare("s3")


@task
def handler(_: Upload, event: Event) -> Result:
    """Removes it; the result says how many objects that were."""
    return {"removed": Workspace(SETTINGS.work_bucket, event["executionArn"]).clear()}
