"""People as programs: what a buyer, keeper and resident do at the public faces, in the demo and in the world."""
