"""Finds, makes and removes the images that containers run."""
