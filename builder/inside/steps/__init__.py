"""The steps of a build, one file for each."""
