"""Datasets: reading, writing, generating and augmenting them."""
