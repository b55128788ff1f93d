"""The commands of `linli drill`, by what they break; each loads its drill when it is called."""
