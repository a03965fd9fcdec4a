"""Readers for the files of a build, which anyone may have changed since."""
