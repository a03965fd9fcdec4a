"""What every other package builds on: errors, user-facing text, signals, values as plain data."""
