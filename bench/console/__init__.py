"""Everything that bench prints goes through here."""
