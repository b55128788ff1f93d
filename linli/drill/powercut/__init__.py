"""Power cuts: the station's own SQL on a disk that keeps what it likes of all that was not synced."""
