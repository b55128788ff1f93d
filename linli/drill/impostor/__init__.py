"""`linli drill impostor`: real handshakes against those who are not who they say."""
