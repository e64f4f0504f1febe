"""What the commands share: their options, a run prepared, previewed and reported."""
