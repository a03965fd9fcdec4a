"""Lists the contents of a tree or an ISO, for comparison."""
