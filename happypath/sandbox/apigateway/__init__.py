"""API Gateway's HTTP APIs (version 2): what stacks deploy, and what answers the requests for it."""
