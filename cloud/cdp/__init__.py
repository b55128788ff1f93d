"""The people we know; phone numbers only encrypted."""
