   # If encoding too much work per buffer:
   # Split into smaller commands
