"""`linli provision`: what one technician with a terminal needs to bring a cabinet into service and keep it there."""
