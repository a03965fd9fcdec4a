"""The jobs that a container can do."""
