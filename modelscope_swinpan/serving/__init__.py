"""Servers: one request form and one set of limits, answered by this process, by several, or by a Ray cluster."""
