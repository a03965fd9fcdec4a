"""What one run of the program writes and another one, or another program, reads."""
