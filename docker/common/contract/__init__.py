"""What bench and the workers share: declarations that both sides import.

Nothing here needs more than the standard library; `arrays` needs numpy, too.
"""
