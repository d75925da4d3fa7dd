"""What this machine has and what its processes share: devices, locks, progress."""
