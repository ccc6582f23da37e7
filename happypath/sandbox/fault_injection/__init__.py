"""Which calls go wrong on purpose, and how."""
