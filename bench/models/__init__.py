"""Models of the user's."""
