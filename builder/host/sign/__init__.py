"""Results signed, and signatures checked."""
