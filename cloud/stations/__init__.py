"""Stations as the hub knows them: sites, compartments, keepers, grants, commands, and what the station reported."""
