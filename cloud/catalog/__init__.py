"""What is sold and how much of it there is."""
