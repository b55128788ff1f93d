"""SQL of the orders, split by what it keeps."""
