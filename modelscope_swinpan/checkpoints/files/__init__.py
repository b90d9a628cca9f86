"""Safe reading of weight files: nothing in them is executed."""
