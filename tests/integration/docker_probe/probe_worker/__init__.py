"""Looks at the container around it, and ends in every way that a stage can end."""
