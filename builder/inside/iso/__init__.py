"""A finished ISO, which may be damaged or made by anybody."""
