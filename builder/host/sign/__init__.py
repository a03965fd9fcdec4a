"""Signs results, and checks signatures."""
