"""What bench prints, and the only way to print it."""
