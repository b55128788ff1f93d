"""SQL of the stations, split by what it keeps."""
