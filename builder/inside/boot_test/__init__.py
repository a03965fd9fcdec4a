"""A test machine, and what its live system says on the serial port."""
