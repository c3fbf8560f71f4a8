"""A challenger in shadow: how it scored a night, what its nights say together."""
