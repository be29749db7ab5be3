"""How good it is, and what went wrong: features, metrics with their protocol, alarms."""
