"""Container images: their recipes, their base, their wheels, and how they are built."""
