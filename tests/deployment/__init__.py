"""Deploying with the real tools, into the sandbox."""
