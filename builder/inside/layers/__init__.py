"""What is above the system on a medium: the live layer, and the scratch root it is made in."""
