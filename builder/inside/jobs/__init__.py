"""The jobs of a container, including the build."""
