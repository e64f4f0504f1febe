"""Models of the user's: from a file that nobody vouches for to one that the compile stage takes."""
