"""What this machine has, and what its processes share: devices, locks, and the lines that tell how far they are."""
