"""Backbones: one file each, with everything that is particular to it."""
