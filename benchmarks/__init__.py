"""Measurements for developers of this package: ``python -m benchmarks NAME``, in the repository's root.

Each file holds one measurement, a function with its command-line options. It is not part of the installed package.
"""
