"""YAML files as values that know their location, and the problems found in them."""
