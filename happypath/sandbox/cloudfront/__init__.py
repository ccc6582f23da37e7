"""Amazon CloudFront where moto has none of it: what distributions serve, and the headers that they add."""
