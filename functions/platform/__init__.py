"""What every function stands on: AWS clients and errors, settings, logs, metrics, traces, files in S3."""
