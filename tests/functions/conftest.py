"""The environment that the tasks read when they are imported, and an AWS account in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.mocked import mocked

# Set before the handlers are imported, as Lambda does.
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_REGION="us-east-1",
    TABLE_NAME="table",
    CATALOGUE_TABLE="catalogue",
    LIVE_PARAMETER="/happypath/live",
    STATE_MACHINE_PREFIX="arn:aws:states:us-east-1:123456789012:stateMachine:happypath-",
    QUEUE_URL="https://sqs.us-east-1.amazonaws.com/123456789012/uploads",
    HOLD_SECONDS="30",
    MAX_PIXELS="100000000",
    UPLOAD_BUCKET="uploads",
    SEAL_KEY="alias/seal",
    MAX_UPLOAD_BYTES="50000000",
    CONTENT_TYPES="image/jpeg,image/png",
    FORM_SECONDS="300",
    OWN_FOLDERS="avatars",
    REVIEWER_CLAIM="cognito:groups",
    REVIEWER_GROUPS="reviewers",
    SEARCHER_GROUPS="searchers,archivists",
    LARGE_BUCKET="large",
    SIGNING_SECRET="signing",
    LADDER="320x,400x400,x200",
    CACHE_SECONDS="300",
    DISTRIBUTION_BUCKET="distribution",
    WORK_BUCKET="work",
    UID_KEY="alias/uids",
    MAX_FILE_BYTES="20000000",
    MAX_DOCUMENT_BYTES="1000000",
    MAX_UNPACKED_BYTES="50000000",
    READER_BYTES="500000000",
    MAX_PAGE_PIXELS="2000000",
    MAX_PIXEL_BYTES="20000000",
    DISTRIBUTION_URL="https://photos.example.com",
)
os.environ.pop("AWS_ENDPOINT_URL", None)
os.environ.pop("AWS_PROFILE", None)


@pytest.fixture(autouse=True)
def _aws() -> Iterator[None]:
    # An empty account for each test. The tasks' clients, slow to make, serve all tests: moto answers below.
    with mocked():
        yield
