"""Who may ask a server: how callers are known, what each may, and how often."""
