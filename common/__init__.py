"""What every program stands on: the contract between edge and hub, the kit, the look."""
