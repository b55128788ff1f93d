"""The resident's touchscreen: code, door, done."""
