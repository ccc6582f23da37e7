"""How often deciders are right about pictures of which a person has said what should become of them."""
