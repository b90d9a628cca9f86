"""Fast forms of the model's operations, each beside its plain twin."""
