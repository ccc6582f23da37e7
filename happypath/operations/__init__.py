"""What commands do to an installation, on AWS or in a sandbox."""
