"""What edge and hub say to each other: envelope, events, replica rows, protocol messages. Additive only."""
