"""Packages that a build adds: which ones, where their files are kept, and how they are fetched."""
