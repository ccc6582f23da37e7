"""DynamoDB's streams."""
