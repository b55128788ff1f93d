"""What every face is made of: tokens, parts, icons, door map, charts, live pages and the two languages."""
