"""YAML files as values that know where they were written, and what is wrong with them."""
