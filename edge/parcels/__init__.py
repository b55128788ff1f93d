"""What lies in which compartment: announced parcels, placements, allocation."""
