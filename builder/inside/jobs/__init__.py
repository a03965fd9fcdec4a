"""What a container does for each job, the build among them."""
