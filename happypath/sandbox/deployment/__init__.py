"""How stacks get into the account: the transform, packaging, change sets."""
