"""`linli drill guessing`: a robot at the keypad for a day, and the people who must get their parcels all the same."""
