"""Datasets: reading and writing them."""
