"""CloudWatch Logs where moto is not enough: filter patterns."""
