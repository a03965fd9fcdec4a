"""Builds again what a manifest describes, and tells what differs."""
