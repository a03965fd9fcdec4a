"""Searches what goes into an ISO for what is private: contents, names and archives."""
