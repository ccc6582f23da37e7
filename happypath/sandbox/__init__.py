"""AWS in one process, for laptops, tests and CI: no Docker, no account, no network beyond loopback."""
