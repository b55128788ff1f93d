"""Ten thousand kills: forked daemons and hubs over real files and real frames, people and cabinet outliving them."""
