"""Packages and licences of the live system, in the two formats that other tools read."""
