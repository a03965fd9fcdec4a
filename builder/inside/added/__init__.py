"""Packages that a build adds: found by apt from the system's data, fetched, and installed."""
