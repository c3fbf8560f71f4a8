"""The champion for other people's servers: its graph over plain columns, in the form that each of them reads."""
