"""The user's settings: `build.yaml` and the flags, checked together."""
