"""What every other package stands on: errors, text for people, signals, values as plain data."""
