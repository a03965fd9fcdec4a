"""What a user may decide: `build.yaml` and the flags, checked as a whole."""
