"""From an experiment file to frozen specs, every field checked on the way."""
