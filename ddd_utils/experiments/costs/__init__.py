"""What a preset asks of a machine: counted, measured in a few real steps, and told as a table."""
