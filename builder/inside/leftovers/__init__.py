"""Finds what refers to things that the copy lacks, in the formats that settings have."""
