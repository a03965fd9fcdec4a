"""What this machine can do, and what crashed runs left on it."""
