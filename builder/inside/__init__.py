"""The container: does what the plan says, with the tools of its image."""
