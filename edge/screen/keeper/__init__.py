"""The keeper's tablet: door wall, put-in, parcels, temperatures."""
