"""Reviews: a person decides about an upload (statemachines/review). Their items, and who may do what."""
