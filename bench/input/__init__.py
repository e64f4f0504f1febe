"""What comes from outside: read within bounds, checked field by field, named safely."""
