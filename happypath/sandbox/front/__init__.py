"""What comes before moto: what it cannot answer is answered as AWS does, in the service's own shape."""
