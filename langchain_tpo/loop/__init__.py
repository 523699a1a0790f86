"""What the steps are made of."""
