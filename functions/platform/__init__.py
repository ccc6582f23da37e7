"""What every function uses: AWS clients and errors, settings, logs, metrics, traces, files in S3."""
