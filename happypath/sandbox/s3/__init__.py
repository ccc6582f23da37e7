"""Amazon S3 where moto is not enough: the events of objects, signed requests, forms, checksums, CORS."""
