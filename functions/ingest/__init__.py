"""An upload becomes one execution, exactly once: upload events, records, and what is live."""
