"""Amazon EventBridge: event patterns, what targets receive, the entries of PutEvents, deliveries."""
